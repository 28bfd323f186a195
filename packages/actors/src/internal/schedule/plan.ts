import type { ActorCron, ActorSchedule } from "../../schedule.ts";
import type { Fire } from "./fire.ts";
import type { RecurringRow, Row } from "./rows.ts";
import type { ScheduleTable } from "./table.ts";
import type { RandomFraction } from "./time/advance.ts";

/** The schedules of an actor, as `c.schedule` and `c.cron` use them. */
export interface SchedulePlan {
  readonly table: ScheduleTable;
  readonly randomFraction: RandomFraction;
  /** The current run of a schedule. */
  running(row: Row): Fire | undefined;
  /** Sets the timer again after a change of the table. */
  arm(): void;
}

/** The same for inspectors, which also use `c.schedule` and `c.cron`. */
export interface InspectedPlan extends SchedulePlan {
  readonly schedule: ActorSchedule;
  readonly cron: ActorCron;
  /** Runs a recurring schedule now; returns false if it is already running. */
  trigger(row: RecurringRow): boolean;
}
