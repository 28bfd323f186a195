import type { ContextSource } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import type { CallLedger } from "../turn/call-ledger.ts";

/** The actor whose queues they are. */
export interface QueueOwner extends RunningActor {
  readonly connections: Connections;
  readonly ledger: CallLedger;
  readonly parts: ContextSource["parts"] & {
    /** Present when the `run` handler is a workflow. */
    readonly workflow: object | undefined;
  };
  /** Counts changes by user code that has gone on after an `await`. */
  userWrites: number;
}
