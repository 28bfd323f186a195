/** What the inspector reads and changes in a running actor. */
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { Parts } from "../lifecycle/parts.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import type { ActorState } from "../turn/actor-state.ts";

/** The actor that is looked at. */
export interface InspectedActor extends RunningActor {
  readonly stateHolder: ActorState;
  readonly kv: KvBuffer;
  readonly parts: Parts;
  readonly existingParts: Parts | undefined;
}

/** Runs a change as a turn of its own; resolves when it is durable. */
export type Turn = <T>(work: () => T | Promise<T>) => Promise<T>;
