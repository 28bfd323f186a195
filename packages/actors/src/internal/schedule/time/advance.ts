import { scheduleLimits } from "../../../limits.ts";
import type { RecurringRow, RetryRow } from "../rows.ts";
import { invalidOptions, type RecurringSpec } from "../validate.ts";
import { type Cadence, invalidExpression, latestUntil, nextAfter, sameCadence } from "./cadence.ts";

/** Returns a random number in [0, 1). */
export type RandomFraction = () => number;

/**
 * Creates the row for a request. An unchanged cadence keeps the next time, history and pause of the previous row.
 * Throws if it would never be due.
 */
export function createRow(
  spec: RecurringSpec,
  before: RecurringRow | undefined,
  id: string,
  now: number,
  draw: RandomFraction,
): RecurringRow {
  const isUnchanged =
    before !== undefined &&
    sameCadence(before.cadence, spec.cadence) &&
    before.startAt === spec.startAt &&
    before.scheduledAt <= (spec.endAt ?? Number.POSITIVE_INFINITY);
  if (isUnchanged) {
    const { cadence, scheduledAt, dueAt, attempts } = before;
    return { ...spec, ...carried(before), kind: "recurring", cadence, scheduledAt, dueAt, attempts };
  }
  const scheduledAt = firstAfter(spec, now);
  if (scheduledAt === undefined) throw neverDueError(spec);
  return {
    ...spec,
    ...(before === undefined ? { id, history: { from: 0, to: 0 } } : carriedOver(before)),
    kind: "recurring",
    scheduledAt,
    dueAt: withJitter(spec, scheduledAt, draw),
    attempts: 0,
  };
}

/** The fields that a new row inherits from its predecessor, even with another cadence. */
function carriedOver(before: RecurringRow): Pick<RecurringRow, "id" | "history" | "lastRunAt" | "paused"> {
  const { id, history, lastRunAt, paused } = before;
  return {
    id,
    history,
    ...(lastRunAt === undefined ? {} : { lastRunAt }),
    ...(paused === undefined ? {} : { paused }),
  };
}

function carried(before: RecurringRow): ReturnType<typeof carriedOver> & Partial<RecurringRow> {
  const { startedAt, runningEntry, skipped, catchUpTo } = before;
  return {
    ...carriedOver(before),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(runningEntry === undefined ? {} : { runningEntry }),
    ...(skipped === undefined ? {} : { skipped }),
    ...(catchUpTo === undefined ? {} : { catchUpTo }),
  };
}

function neverDueError(spec: RecurringSpec): Error {
  if (spec.cadence.kind === "cron" && nextAfter(spec.cadence, 0) === undefined) {
    return invalidExpression("it is never due");
  }
  return invalidOptions("nothing is due before endAt");
}

type Bounds = Pick<RecurringRow, "startAt" | "endAt"> & { readonly cadence: Cadence };

/** The first due time after `from` within the bounds of a schedule. */
export function firstAfter(bounds: Bounds, from: number): number | undefined {
  const { startAt = Number.NEGATIVE_INFINITY, endAt = Number.POSITIVE_INFINITY } = bounds;
  const next = nextAfter(bounds.cadence, Math.max(from, startAt - 1));
  return next === undefined || next > endAt ? undefined : next;
}

/** Adds a random delay: less than the jitter, and ending before the next due time. */
function withJitter(
  bounds: Bounds & Pick<RecurringRow, "jitterMs">,
  time: number,
  draw: RandomFraction,
): number {
  if (bounds.jitterMs === undefined) return time;
  const next = nextAfter(bounds.cadence, time) ?? Number.POSITIVE_INFINITY;
  return time + Math.floor(draw() * Math.min(bounds.jitterMs, next - time));
}

/** The row at its next due time; undefined if there is none. `runAt` is the start of the last run. */
export function advanceRow(row: RecurringRow, runAt: number, draw: RandomFraction): RecurringRow | undefined {
  const { startedAt: _began, runningEntry: _entry, ...rest } = row;
  // With a catch-up count, every missed time counts; otherwise, times before the last run are dropped.
  const base = typeof row.catchUp === "number" ? row.scheduledAt : Math.max(row.scheduledAt, runAt);
  let next = firstAfter(row, base);
  const { skipped } = row;
  if (next !== undefined && skipped !== undefined && next >= skipped.from && next <= skipped.to) {
    next = firstAfter(row, skipped.to);
  }
  return next === undefined ? undefined : rescheduled(rest, next, draw);
}

function rescheduled(row: RecurringRow, scheduledAt: number, draw: RandomFraction): RecurringRow {
  const { skipped, catchUpTo, ...rest } = row;
  return {
    ...rest,
    scheduledAt,
    dueAt: withJitter(row, scheduledAt, draw),
    attempts: 0,
    ...(skipped === undefined || skipped.to < scheduledAt ? {} : { skipped }),
    ...(catchUpTo === undefined || catchUpTo < scheduledAt ? {} : { catchUpTo }),
  };
}

/** Resumes after a pause; the next time is counted from now. */
export function resumeRow(row: RecurringRow, now: number, draw: RandomFraction): RecurringRow | undefined {
  const { paused: _paused, skipped: _skipped, catchUpTo: _catchUpTo, ...rest } = row;
  const next = firstAfter(row, now);
  return next === undefined ? undefined : rescheduled(rest, next, draw);
}

/**
 * Applies the catch-up policy to a due row: returns the same row if it should run, another row if it is due at another
 * time, and undefined if it is never due again.
 */
export function applyCatchUp(row: RecurringRow, now: number, draw: RandomFraction): RecurringRow | undefined {
  const { catchUp = "once" } = row;
  const onTime = now - row.dueAt < 1_000 || row.attempts > 0 || row.scheduledAt <= (row.catchUpTo ?? -1);
  if (onTime || catchUp === "once") return row;
  const until = Math.min(now, row.endAt ?? now);
  const missed = latestUntil(row.cadence, row.scheduledAt, until, catchUp === "skip" ? 1 : catchUp);
  const first = missed[0] ?? row.scheduledAt;
  if (catchUp !== "skip") {
    const last = missed.at(-1) ?? row.scheduledAt;
    return { ...row, scheduledAt: first, dueAt: first, catchUpTo: last };
  }
  if (now - first < scheduleLimits.lateMs)
    return first === row.scheduledAt ? row : { ...row, scheduledAt: first, dueAt: first };
  const next = firstAfter(row, now);
  return next === undefined ? undefined : rescheduled(row, next, draw);
}

/** The delay after attempt number `attempts`. */
export function retryDelay(retry: RetryRow, attempts: number): number {
  return Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(attempts - 1, 40));
}
