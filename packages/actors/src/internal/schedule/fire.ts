import type { ScheduledFireInfo } from "../../ports/scheduled-fire.ts";
import type { CallOutcome } from "../turn/call-result.ts";
import type { Row } from "./rows.ts";

/** What a call of an action carries when a schedule makes it. */
export interface ScheduledRun {
  readonly info: ScheduledFireInfo;
  /** It is the turn of the action: it begins now. */
  entered(): void;
  /** The action has ended; called before its last turn closes, so that what it writes belongs to it. */
  ended(outcome: CallOutcome): void;
}

/** One attempt at one due time: from its begin until its action has really ended. */
export interface Fire {
  readonly row: Row;
  readonly firedAt: number;
  readonly attempt: number;
  /** Asked for by hand: the times of the schedule stay as they are. */
  readonly manual: boolean;
  /** Its action has had its turn; until then it waits for others, and a stop takes nothing from it. */
  entered: boolean;
  /** That it runs is in the records. */
  recorded: boolean;
  /** Its outcome is in the records; after a timeout the action itself may still run. */
  settled: boolean;
  /** The row of history of a run by hand; other runs have theirs in the schedule. */
  entry: number | undefined;
  /** The next due time, which is skipped if it comes while this runs. */
  skipsAt: number | undefined;
}

const made = new WeakSet<object>();

/** Whether these are the arguments of a run: the actor itself has added the last of them. */
export function isScheduledRun(args: readonly unknown[]): boolean {
  const last = args.at(-1);
  return typeof last === "object" && last !== null && made.has(last);
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
  made.add(info);
  return info;
}
