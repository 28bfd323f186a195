import type { CronFire, CronJobInfo, DeadSchedule, ScheduledEventInfo } from "../../schedule.ts";

/** One schedule as an inspector shows it: of either kind, also while it runs. */
export type InspectedSchedule = { readonly id: string; readonly running: boolean } & (
  | ({ readonly kind: "at"; readonly attempts: number; readonly scheduledAt: number } & Omit<
      ScheduledEventInfo,
      "id"
    >)
  | CronJobInfo
);

/** The schedules of a running actor, for whoever looks at it from outside. */
export interface ScheduleInspector {
  /** All of them, in order of time. */
  list(): InspectedSchedule[];
  /** Rows of history of a recurring schedule, the latest first. */
  history(name: string, limit?: number): Promise<CronFire[]>;
  deadLetters(): Promise<DeadSchedule[]>;
  /** Runs a dead letter anew. Resolves, as do the others, when it is durable. */
  retry(id: string): Promise<boolean>;
  /** Deletes by id, also one that runs: it is not tried again. False if there is none. */
  delete(id: string): Promise<boolean>;
  pause(name: string): Promise<boolean>;
  resume(name: string): Promise<boolean>;
  /**
   * Runs one now, by id. A recurring schedule keeps its times; a one-shot runs early. False if there is
   * none, or if it runs.
   */
  trigger(id: string): Promise<boolean>;
}
