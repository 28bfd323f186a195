import type { ScheduleInspection } from "../../inspection.ts";
import type { CronFire } from "../../schedule.ts";
import type { Runtime } from "../runtime.ts";
import type { SchedulePart } from "../schedule/schedule-part.ts";
import type { Turn } from "./inspection.ts";

/** The schedules of an actor, one-shot and recurring, side by side. */
export class ScheduleView implements ScheduleInspection {
  readonly #runtime: Runtime;
  readonly #turn: Turn;

  constructor(runtime: Runtime, turn: Turn) {
    this.#runtime = runtime;
    this.#turn = turn;
  }

  get #part(): SchedulePart {
    return this.#runtime.parts.schedules;
  }

  async list(): ReturnType<ScheduleInspection["list"]> {
    const { schedule, cron } = this.#part;
    const [oneShots, recurring, deadLetters] = await Promise.all([
      schedule.list(),
      cron.list(),
      schedule.deadLetters(),
    ]);
    return {
      schedules: [...recurring, ...oneShots.map((row) => ({ kind: "at" as const, ...row }))],
      deadLetters,
    };
  }

  history(name: string, limit: number): Promise<readonly CronFire[]> {
    return this.#part.cron.history(name, { limit });
  }

  delete(nameOrId: string): Promise<boolean> {
    const { cron, schedule } = this.#part;
    return this.#turn(async () => (await cron.delete(nameOrId)) || schedule.cancel(nameOrId));
  }

  run(name: string): Promise<boolean> {
    const row = this.#part.table.recurring.get(name);
    if (row === undefined) return Promise.resolve(false);
    return this.#turn(() => this.#part.trigger(row));
  }

  pause(name: string): Promise<boolean> {
    return this.#turn(() => this.#part.cron.pause(name));
  }

  resume(name: string): Promise<boolean> {
    return this.#turn(() => this.#part.cron.resume(name));
  }

  retry(id: string): Promise<boolean> {
    return this.#turn(() => this.#part.schedule.retry(id));
  }
}
