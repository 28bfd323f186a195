import { uuidv7 } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { PersonConnState } from "../tasks/actions.ts";
import { readSchedule, tooManySchedules } from "./input.ts";
import type { Schedule, SchedulesState } from "./state.ts";

/** The part of the actor context that is used here. */
interface RestoreContext {
  readonly state: SchedulesState;
  readonly conn: { readonly state: PersonConnState };
  readonly cron: {
    set(entry: {
      readonly name: string;
      readonly expression: string;
      readonly timezone: string;
      readonly action: string;
      readonly args: unknown[];
      readonly maxHistory: number;
      readonly catchUp: "once";
    }): Promise<unknown>;
    pause(name: string): Promise<unknown>;
  };
}

/** Adds a schedule of an import, paused. Throws `schedule.invalid_input`, `schedule.too_many`. */
export async function restoreSchedule(
  { ports }: Pick<BackendHost, "ports">,
  c: RestoreContext,
  given: unknown,
  action: string,
): Promise<void> {
  if (c.state.schedules.length >= studioLimits.maxSchedules) throw tooManySchedules();
  const { id: _, ...input } = readSchedule(given, ports.clock.now());
  const id = uuidv7(ports.clock, ports.random);
  const { person, startedBy } = c.conn.state;
  const schedule: Schedule = {
    ...{ ...input, id, isPaused: true, person, runs: [] },
    ...(startedBy === undefined ? {} : { startedBy: { ...startedBy } }),
  };
  c.state.schedules = [...(JSON.parse(JSON.stringify(c.state.schedules)) as Schedule[]), schedule];
  if (schedule.on !== undefined) return;
  const { cron: expression, timezone } = schedule;
  await c.cron.set({
    ...{ name: id, expression, timezone, action, args: [id] },
    ...{ maxHistory: 0, catchUp: "once" },
  });
  await c.cron.pause(id);
}
