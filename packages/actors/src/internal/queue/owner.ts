import type { CallLedger } from "../call-ledger.ts";
import type { Connections } from "../connections.ts";
import type { ContextSource } from "../context.ts";
import type { RunningActor } from "../running-actor.ts";

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
