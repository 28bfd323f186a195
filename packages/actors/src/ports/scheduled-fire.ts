/** `at`: once, by `c.schedule`; `cron` and `every`: recurring, by `c.cron`. */
export type ScheduleKind = "at" | "cron" | "every";

/** The last argument of an action that a schedule runs. Times in milliseconds since the epoch. */
export interface ScheduledFireInfo {
  readonly kind: ScheduleKind;
  /** Of the schedule; with `scheduledAt` it names one time of it, the same at each attempt. */
  readonly id: string;
  /** Of a recurring schedule. */
  readonly name?: string;
  /** When it was due, without jitter or backoff. */
  readonly scheduledAt: number;
  /** When this attempt began. */
  readonly firedAt: number;
  /** From the second attempt on: 2, 3, ... */
  readonly attempt?: number;
}
