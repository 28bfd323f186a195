import type { ScheduledActionArguments, ScheduledActionName } from "./internal/schedule/typed.ts";

/** A one-shot schedule that has not finished. */
export interface ScheduledEventInfo {
  readonly id: string;
  readonly action: string;
  readonly args: unknown[];
  /** When it will run; after a failed attempt the time of the next. */
  readonly runAt: number;
}

/** A one-shot schedule that was given up: it failed at every attempt, or its action does not exist. */
export interface DeadSchedule {
  readonly id: string;
  readonly action: string;
  readonly args: unknown[];
  /** When it was due first. */
  readonly scheduledAt: number;
  readonly failedAt: number;
  readonly attempts: number;
  readonly error: FireError;
}

/** Attempts and the time between them: `minMs`, doubled each time, up to `maxMs`. */
export interface RetryPolicy {
  /** With the first: 1 to 100; 5 by default. */
  readonly maxAttempts?: number;
  /** 1,000 */
  readonly minMs?: number;
  /** 300,000 */
  readonly maxMs?: number;
}

/**
 * What happens to due times that passed while the actor was not running. "once": one run stands for all of them.
 * "skip": only a time that passed less than a minute ago is run. A number: this many of the latest are run, one after
 * the other.
 */
export type CatchUp = "skip" | "once" | number;

/** Options of both kinds of recurring schedules. */
export interface RecurringOptions {
  /** 1 to 128 bytes of UTF-8; setting a name again replaces its schedule. */
  readonly name: string;
  readonly action: string;
  readonly args?: readonly unknown[];
  /** Rows of history that are kept: 0 to 1,000; 100 by default. */
  readonly maxHistory?: number;
  /** Nothing is due before it; for `every`, the first time. Milliseconds since the epoch. */
  readonly startAt?: number;
  /** Nothing is due after it; then the schedule is deleted. */
  readonly endAt?: number;
  /** Each run is delayed by a random time below this, and always before the next due time. */
  readonly jitterMs?: number;
  /** "once" by default. */
  readonly catchUp?: CatchUp;
  /** Without it a failed run is not retried; retries never go past the next due time. */
  readonly retry?: RetryPolicy;
}

/** A schedule by the calendar: what `c.cron.set` takes. */
export interface CronOptions extends RecurringOptions {
  /** Five fields, or six with seconds first. */
  readonly expression: string;
  /** An IANA time zone; "UTC" by default. */
  readonly timezone?: string;
}

/** A schedule by the interval: what `c.cron.every` takes. */
export interface EveryOptions extends RecurringOptions {
  /** Milliseconds from one due time to the next, at least 5,000. */
  readonly interval: number;
}

/** The current state of a recurring schedule. Times are milliseconds since the epoch. */
export type CronJobInfo = {
  readonly name: string;
  readonly action: string;
  readonly args: unknown[];
  /** When it will run; a paused one has the time that it was paused at. */
  readonly nextRunAt: number;
  /** Undefined before the first run; the key is there all the same. */
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

/** What a caller may see of an error; anything but typed errors is `internal.internal_error`. */
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
  /** `skipped`: the run before it had not ended. */
  readonly result: "running" | "ok" | "error" | "skipped";
  readonly error?: FireError;
}

/** Options of `history`. */
export interface HistoryOptions {
  /** 20 by default. */
  readonly limit?: number;
}

/**
 * One-shot schedules. They are written with the turn, run at least once, also after a sleep or a crash, and are
 * deleted with the commit of the last turn of their action. A failed one is tried five times.
 */
export interface ActorSchedule {
  /** Runs `action(c, ...args, info)` in `delayMs`; returns the id. */
  after(delayMs: number, action: string, ...args: unknown[]): Promise<string>;
  /** Runs it at a time in milliseconds since the epoch, or immediately if that has passed. */
  at(timestamp: number, action: string, ...args: unknown[]): Promise<string>;
  /** True if it was there and had not begun to run. */
  cancel(id: string): Promise<boolean>;
  get(id: string): Promise<ScheduledEventInfo | undefined>;
  /** Those that do not run right now, by time. */
  list(): Promise<ScheduledEventInfo[]>;
  /** Those that were given up, the latest first; at most 1,000 are kept. */
  deadLetters(): Promise<DeadSchedule[]>;
  /** Runs a dead one again, with all its attempts. Returns false if there is none with this id. */
  retry(id: string): Promise<boolean>;
}

/** Recurring schedules, by name. */
export interface ActorCron {
  /** Sets a schedule by cron expression. An unchanged cadence keeps its next time. */
  set(options: CronOptions): Promise<void>;
  /** Sets a schedule by interval; its times do not drift. */
  every(options: EveryOptions): Promise<void>;
  get(name: string): Promise<CronJobInfo | undefined>;
  /** All of them, by name. */
  list(): Promise<CronJobInfo[]>;
  /** Deletes a schedule and its history; a run that has begun goes on. False if there is none. */
  delete(name: string): Promise<boolean>;
  /** The latest first. */
  history(name: string, options?: HistoryOptions): Promise<CronFire[]>;
  /** Nothing is due until `resume`. False if there is none with this name. */
  pause(name: string): Promise<boolean>;
  /** Continues with the first time from now on; missed times are not made up for. */
  resume(name: string): Promise<boolean>;
}

/** {@link ActorSchedule} that knows the actions of its actor and their arguments. */
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
 * `c.schedule` with checked names and arguments: `typedSchedule<typeof reminder>(c)`, or with the
 * actions alone, `typedSchedule<{ remind(c: unknown, text: string): void }>(c)`. Nothing happens at run
 * time. Inside the definition itself give the functions that use it a return type: TypeScript cannot
 * infer a type from itself.
 */
export function typedSchedule<Actions>(c: { readonly schedule: ActorSchedule }): TypedSchedule<Actions> {
  return c.schedule;
}
