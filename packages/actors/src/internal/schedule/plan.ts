import type { ActorCron, ActorSchedule } from "../../schedule.ts";
import type { Fire } from "./fire.ts";
import type { RecurringRow, Row } from "./rows.ts";
import type { ScheduleTable } from "./table.ts";
import type { RandomFraction } from "./time/advance.ts";

/** What the schedules of an actor are to those who change them. */
export interface SchedulePlan {
  readonly table: ScheduleTable;
  readonly draw: RandomFraction;
  /** The run of a schedule that runs now. */
  running(row: Row): Fire | undefined;
  /** The table has changed: the timer is set again. */
  arm(): void;
}

/** As inspectors have them, which act through `c.schedule` and `c.cron` as well. */
export interface InspectedPlan extends SchedulePlan {
  readonly schedule: ActorSchedule;
  readonly cron: ActorCron;
  /** Runs a recurring schedule now; false if it runs already. */
  trigger(row: RecurringRow): boolean;
}
