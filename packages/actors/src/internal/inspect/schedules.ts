import type { ScheduleInspection } from "../../ports/inspection.ts";
import type { CronFire } from "../../schedule.ts";
import type { SchedulePart } from "../schedule/schedule-part.ts";
import type { InspectionDependencies, Turn } from "./dependencies.ts";

/** The inspector's view of all schedules, one-shot and recurring. */
export class ScheduleView implements ScheduleInspection {
  readonly #actor: InspectionDependencies;
  readonly #turn: Turn;

  constructor(actor: InspectionDependencies, turn: Turn) {
    this.#actor = actor;
    this.#turn = turn;
  }

  get #part(): SchedulePart {
    return this.#actor.parts.schedules;
  }

  async list(): ReturnType<ScheduleInspection["list"]> {
    const { inspector } = this.#part;
    return { schedules: inspector.list(), deadLetters: await inspector.deadLetters() };
  }

  history(name: string, limit: number): Promise<readonly CronFire[]> {
    return this.#part.inspector.history(name, limit);
  }

  delete(nameOrId: string): Promise<boolean> {
    return this.#turn(() => this.#part.inspector.delete(this.#idOf(nameOrId)));
  }

  run(nameOrId: string): Promise<boolean> {
    return this.#turn(() => this.#part.inspector.trigger(this.#idOf(nameOrId)));
  }

  pause(name: string): Promise<boolean> {
    return this.#turn(() => this.#part.inspector.pause(name));
  }

  resume(name: string): Promise<boolean> {
    return this.#turn(() => this.#part.inspector.resume(name));
  }

  retry(id: string): Promise<boolean> {
    return this.#turn(() => this.#part.inspector.retry(id));
  }

  #idOf(nameOrId: string): string {
    return this.#part.table.recurring.get(nameOrId)?.id ?? nameOrId;
  }
}
