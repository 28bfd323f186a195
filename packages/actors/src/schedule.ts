import type { ScheduledActionArguments, ScheduledActionName } from "./internal/schedule/typed.ts";

/** A one-shot schedule that has not finished. */
export interface ScheduledEventInfo {
  readonly id: string;
  readonly action: string;
  readonly args: unknown[];
  /** Time of the next run; after a failed attempt, of the retry. */
  readonly runAt: number;
}

/** A one-shot schedule that failed permanently: all attempts failed, or its action does not exist. */
export interface DeadSchedule {
  readonly id: string;
  readonly action: string;
  readonly args: unknown[];
  /** Its original due time. */
  readonly scheduledAt: number;
  readonly failedAt: number;
  readonly attempts: number;
  readonly error: FireError;
}

/** Number of attempts and the delay between them: `minMs`, doubled each time, up to `maxMs`. */
export interface RetryPolicy {
  /** Including the first: 1 to 100; 5 by default. */
  readonly maxAttempts?: number;
  /** 1,000 */
  readonly minMs?: number;
  /** 300,000 */
  readonly maxMs?: number;
}

/**
 * How due times missed while the actor was not running are treated. "once": one run for all of them. "skip": a run
 * only for a time missed by less than a minute. A number: runs for this many of the latest times, one after another.
 */
export type CatchUp = "skip" | "once" | number;

/** Options of both kinds of recurring schedules. */
export interface RecurringOptions {
  /** 1 to 128 bytes of UTF-8; setting a name again replaces its schedule. */
  readonly name: string;
  readonly action: string;
  readonly args?: readonly unknown[];
  /** Number of history rows to retain: 0 to 1,000; 100 by default. */
  readonly maxHistory?: number;
  /** Start of the schedule; for `every`, the first due time. Milliseconds since the epoch. */
  readonly startAt?: number;
  /** End of the schedule, after which it is deleted. */
  readonly endAt?: number;
  /** Each run is delayed by a random time below this, and always before the next due time. */
  readonly jitterMs?: number;
  /** "once" by default. */
  readonly catchUp?: CatchUp;
  /** Without it a failed run is not retried; retries never pass the next due time. */
  readonly retry?: RetryPolicy;
}

/** A calendar schedule: the argument of `c.cron.set`. */
export interface CronOptions extends RecurringOptions {
  /** Five fields, or six with seconds first. */
  readonly expression: string;
  /** An IANA time zone; "UTC" by default. */
  readonly timezone?: string;
}

/** An interval schedule: the argument of `c.cron.every`. */
export interface EveryOptions extends RecurringOptions {
  /** Milliseconds from one due time to the next, at least 5,000. */
  readonly interval: number;
}

/** The current state of a recurring schedule. Times are milliseconds since the epoch. */
export type CronJobInfo = {
  readonly name: string;
  readonly action: string;
  readonly args: unknown[];
  /** Time of the next run; for a paused schedule, the time when it was paused. */
  readonly nextRunAt: number;
  /** Undefined before the first run; the key is always present. */
  readonly lastRunAt?: number | undefined;
  readonly maxHistory: number;
  readonly paused?: true;
  readonly startAt?: number;
  readonly endAt?: number;
  readonly jitterMs?: number;
  readonly catchUp?: CatchUp;
  readonly retry?: RetryPolicy;
} & (
  | { readonly kind: "cron"; readonly expression: string; readonly timezone: string }
  | { readonly kind: "every"; readonly interval: number }
);

/** An error as callers may see it; untyped errors become `internal.internal_error`. */
export interface FireError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
  readonly metadata?: unknown;
}

/** One attempt at one due time of a recurring schedule. */
export interface CronFire {
  readonly action: string;
  readonly scheduledAt: number;
  readonly firedAt: number;
  readonly finishedAt?: number;
  /** `skipped`: the previous run had not ended. */
  readonly result: "running" | "ok" | "error" | "skipped";
  readonly error?: FireError;
}

/** Options of `history`. */
export interface HistoryOptions {
  /** 20 by default. */
  readonly limit?: number;
}

/**
 * One-shot schedules. They are written with the turn, run at least once, even after a sleep or a crash, and are
 * deleted with the commit of their action's last turn. A failed one is tried five times.
 */
export interface ActorSchedule {
  /** Runs `action(c, ...args, info)` in `delayMs`; returns the id. */
  after(delayMs: number, action: string, ...args: unknown[]): Promise<string>;
  /** Runs it at a time in milliseconds since the epoch, or immediately if that has passed. */
  at(timestamp: number, action: string, ...args: unknown[]): Promise<string>;
  /** Returns true if the schedule existed and had not started. */
  cancel(id: string): Promise<boolean>;
  get(id: string): Promise<ScheduledEventInfo | undefined>;
  /** Schedules that are not running, ordered by time. */
  list(): Promise<ScheduledEventInfo[]>;
  /** Permanently failed schedules, latest first; at most 1,000 are retained. */
  deadLetters(): Promise<DeadSchedule[]>;
  /** Runs a dead letter again, with all its attempts. Returns false if the id is unknown. */
  retry(id: string): Promise<boolean>;
}

/** Recurring schedules, by name. */
export interface ActorCron {
  /** Sets a schedule by cron expression. An unchanged cadence keeps its next time. */
  set(options: CronOptions): Promise<void>;
  /** Sets a schedule by interval; its times do not drift. */
  every(options: EveryOptions): Promise<void>;
  get(name: string): Promise<CronJobInfo | undefined>;
  /** All recurring schedules, ordered by name. */
  list(): Promise<CronJobInfo[]>;
  /** Deletes a schedule and its history; a current run continues. Returns false if there is none. */
  delete(name: string): Promise<boolean>;
  /** History, latest first. */
  history(name: string, options?: HistoryOptions): Promise<CronFire[]>;
  /** Pauses a schedule until `resume`. Returns false if the name is unknown. */
  pause(name: string): Promise<boolean>;
  /** Continues with the first due time from now on; missed times are not caught up. */
  resume(name: string): Promise<boolean>;
}

/** {@link ActorSchedule} typed with the actions of its actor and their arguments. */
export interface TypedSchedule<Actions> extends Omit<ActorSchedule, "after" | "at"> {
  after<Name extends ScheduledActionName<Actions>>(
    delayMs: number,
    action: Name,
    ...args: ScheduledActionArguments<Actions, Name>
  ): Promise<string>;
  at<Name extends ScheduledActionName<Actions>>(
    timestamp: number,
    action: Name,
    ...args: ScheduledActionArguments<Actions, Name>
  ): Promise<string>;
}

/**
 * Types `c.schedule` with the names and arguments of actions: `typedSchedule<typeof reminder>(c)`, or with the actions
 * alone, `typedSchedule<{ remind(c: unknown, text: string): void }>(c)`. It has no effect at run time. Functions that
 * use it inside their own definition need a return type: TypeScript cannot infer a type from itself.
 */
export function typedSchedule<Actions>(c: { readonly schedule: ActorSchedule }): TypedSchedule<Actions> {
  return c.schedule;
}
