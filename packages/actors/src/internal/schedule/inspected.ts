import type { CronFire, CronJobInfo, DeadSchedule, ScheduledEventInfo } from "../../schedule.ts";

/** A schedule of either kind, as inspectors see it, including while it runs. */
export type InspectedSchedule = { readonly id: string; readonly running: boolean } & (
  | ({ readonly kind: "at"; readonly attempts: number; readonly scheduledAt: number } & Omit<
      ScheduledEventInfo,
      "id"
    >)
  | CronJobInfo
);

/** The schedules of a running actor, as inspectors read and change them. */
export interface ScheduleInspector {
  /** All schedules, ordered by time. */
  list(): InspectedSchedule[];
  /** History of a recurring schedule, latest first. */
  history(name: string, limit?: number): Promise<CronFire[]>;
  deadLetters(): Promise<DeadSchedule[]>;
  /** Runs a dead letter again. Like the other changes, it resolves once durable. */
  retry(id: string): Promise<boolean>;
  /**
   * Deletes a schedule by id. A current run finishes, but is not retried. Returns false if there is no such schedule.
   */
  delete(id: string): Promise<boolean>;
  pause(name: string): Promise<boolean>;
  resume(name: string): Promise<boolean>;
  /**
   * Runs a schedule now, by id. A recurring schedule keeps its times; a one-shot runs early. Returns false if there is
   * no such schedule, or if it is running.
   */
  trigger(id: string): Promise<boolean>;
}
