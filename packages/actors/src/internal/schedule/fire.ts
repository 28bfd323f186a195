import type { ScheduledFireInfo } from "../../ports/scheduled-fire.ts";
import type { CallOutcome } from "../turn/call-result.ts";
import type { Row } from "./rows.ts";

/** Attached to an action call that a schedule makes. */
export interface ScheduledRun {
  readonly info: ScheduledFireInfo;
  /** Called when the action's turn starts. */
  entered(): void;
  /**
   * Called when the action has ended, before its last turn closes: whatever the callback writes commits with that
   * turn.
   */
  ended(outcome: CallOutcome): void;
}

/** One attempt at one due time, until its action has ended. */
export interface Fire {
  readonly row: Row;
  readonly firedAt: number;
  readonly attempt: number;
  /** Triggered manually: the times of the schedule do not change. */
  readonly manual: boolean;
  /** The action's turn has started. Before that it waits in the queue, and a stop does not interrupt it. */
  entered: boolean;
  /** The start of the attempt is recorded. */
  recorded: boolean;
  /** The outcome is recorded. After a timeout the action itself may still run. */
  settled: boolean;
  /** The history row of a manual run; other runs have theirs in the schedule. */
  entry: number | undefined;
  /** The next due time, which is skipped if it arrives during this run. */
  nextSkipAt: number | undefined;
}

const issued = new WeakSet<object>();

/** True for arguments of a scheduled call: the last one is a fire info that this actor created. */
export function isScheduledRun(args: readonly unknown[]): boolean {
  const last = args.at(-1);
  return typeof last === "object" && last !== null && issued.has(last);
}

export function fireInfo(fire: Fire): ScheduledFireInfo {
  const { row, firedAt, attempt, manual } = fire;
  const info: ScheduledFireInfo = {
    kind: row.kind === "at" ? "at" : row.cadence.kind,
    id: row.id,
    ...(row.kind === "at" ? {} : { name: row.name }),
    scheduledAt: manual ? firedAt : row.scheduledAt,
    firedAt,
    ...(attempt > 1 ? { attempt } : {}),
  };
  issued.add(info);
  return info;
}
