import type { ContextSource } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { CallLedger } from "../turn/call-ledger.ts";

/** The components that queues work with. */
export interface QueueDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "host"
    | "inTransaction"
    | "log"
    | "name"
    | "phase"
    | "ports"
    | "queue"
    | "records"
    | "state"
    | "transactionLock"
    | "transactions"
    | "turn"
  > {
  readonly connections: Connections;
  readonly ledger: CallLedger;
  readonly parts: ContextSource["parts"] & {
    /** Present when the `run` handler is a workflow. */
    readonly workflow: object | undefined;
  };
}
