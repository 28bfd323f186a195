import type { CronFire, CronJobInfo, DeadSchedule, ScheduledEventInfo } from "../../schedule.ts";
import type { Runtime } from "../runtime.ts";
import { jobInfo } from "./cron-api.ts";
import { decodeArguments } from "./rows.ts";
import type { SchedulePart } from "./schedule-part.ts";

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

export function scheduleInspector(runtime: Runtime, part: SchedulePart): ScheduleInspector {
  const { table, schedule, cron } = part;
  /** What an inspector changes is a turn of its own. */
  const durable = async <T>(change: () => T | Promise<T>): Promise<T> => {
    const result = await change();
    await runtime.queue.gate();
    return result;
  };
  const byId = (id: string) => table.all.find((row) => row.id === id);
  return {
    list: () =>
      table.all
        .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
        .map((row) => {
          const running = part.running(row) !== undefined;
          if (row.kind === "recurring") return { id: row.id, running, ...jobInfo(row) };
          const { id, kind, action, attempts, scheduledAt, dueAt } = row;
          return {
            id,
            running,
            kind,
            action,
            args: decodeArguments(row.args),
            runAt: dueAt,
            attempts,
            scheduledAt,
          };
        }),
    history: (name, limit) => cron.history(name, limit === undefined ? {} : { limit }),
    deadLetters: () => schedule.deadLetters(),
    retry: (id) => durable(() => schedule.retry(id)),
    pause: (name) => durable(() => cron.pause(name)),
    resume: (name) => durable(() => cron.resume(name)),
    delete: (id) =>
      durable(() => {
        const row = byId(id);
        if (row === undefined) return false;
        table.delete(row);
        part.arm();
        return true;
      }),
    trigger: (id) =>
      durable(() => {
        const row = byId(id);
        if (row === undefined || part.running(row) !== undefined) return false;
        if (row.kind === "recurring") return part.trigger(row);
        table.put({ ...row, dueAt: runtime.ports.clock.now() });
        part.arm();
        return true;
      }),
  };
}
