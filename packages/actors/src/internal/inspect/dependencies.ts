/** The components of a running actor that the inspector reads and changes. */
import type { Connections } from "../connections/connections.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { Parts } from "../lifecycle/parts.ts";

/** The inspected actor. */
export interface InspectionDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "definition"
    | "errors"
    | "name"
    | "phase"
    | "ports"
    | "queue"
    | "records"
    | "state"
    | "transactionLock"
    | "turn"
  > {
  readonly connections: Connections;
  readonly kv: KvBuffer;
  readonly parts: Parts;
  readonly existingParts: Parts | undefined;
}

/** Runs a change as a separate turn; resolves once it is durable. */
export type Turn = <T>(work: () => T | Promise<T>) => Promise<T>;
