/** `at`: once, by `c.schedule`; `cron` and `every`: recurring, by `c.cron`. */
export type ScheduleKind = "at" | "cron" | "every";

/** The last argument of an action that a schedule runs. Times are milliseconds since the epoch. */
export interface ScheduledFireInfo {
  readonly kind: ScheduleKind;
  /** The id of the schedule; together with `scheduledAt` it identifies one due time, the same for each attempt. */
  readonly id: string;
  /** The name of a recurring schedule. */
  readonly name?: string;
  /** The due time, without jitter or backoff. */
  readonly scheduledAt: number;
  /** Start of this attempt. */
  readonly firedAt: number;
  /** Set from the second attempt on: 2, 3, ... */
  readonly attempt?: number;
}
