import type { ActorCore } from "../lifecycle/actor-core.ts";
import { jobInfo } from "./cron-api.ts";
import type { ScheduleInspector } from "./inspected.ts";
import type { InspectedPlan } from "./plan.ts";
import { decodeArguments } from "./rows.ts";

type ScheduleInspectorDependencies = Pick<ActorCore, "ports" | "queue">;

/** Creates the inspector of an actor's schedules. */
export function createScheduleInspector(
  actor: ScheduleInspectorDependencies,
  part: InspectedPlan,
): ScheduleInspector {
  const { table, schedule, cron } = part;
  /** Each change by an inspector commits as a turn of its own. */
  const durable = async <T>(change: () => T | Promise<T>): Promise<T> => {
    const result = await change();
    await actor.queue.gate();
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
        table.put({ ...row, dueAt: actor.ports.clock.now() });
        part.arm();
        return true;
      }),
  };
}
