import type { ActorInstance, ScheduledFireInfo } from "@holdfast/actors";
import { actor } from "@holdfast/actors";
import { UserError } from "@holdfast/core";
import { call, turn, type World } from "./harness.ts";

/** Runs due work and the commits that follow. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 16; i++) await turn();
}

/** Advances the time in steps, so that work runs when it becomes due. */
export async function advance(w: World, ms: number, stepMs = 1_000): Promise<void> {
  for (let remaining = ms; remaining > 0; remaining -= stepMs) {
    w.ports.advance(Math.min(stepMs, remaining));
    await settle();
  }
}

export interface Fired {
  readonly text: string;
  readonly info: ScheduledFireInfo;
  readonly conn: string;
}

/** State outside of the actor: instructions for its actions, and their results. */
export interface Script {
  readonly fired: Fired[];
  /** Attempts that throw. */
  failures: number;
  /** The action waits for it. */
  wait: Promise<void> | undefined;
}

export function script(): Script {
  return { fired: [], failures: 0, wait: undefined };
}

export function scheduled(
  s: Script,
  options: {
    readonly maxSchedules?: number;
    readonly sleepTimeout?: number;
    readonly actionTimeout?: number;
  } = {},
) {
  return actor({
    state: { count: 0 },
    options: { noSleep: options.sleepTimeout === undefined, ...options },
    actions: {
      count: (c) => c.state.count,
      fire: (c, ...given: unknown[]) => {
        const info = given.pop() as ScheduledFireInfo;
        const text = String(given[0] ?? "");
        s.fired.push({ text, info, conn: typeof c.conn });
        c.state.count++;
        if (s.failures > 0) {
          s.failures--;
          throw new UserError("no", { code: "told_to", metadata: { count: c.state.count } });
        }
        return s.wait;
      },
      after: (c, ms: number, text: string) => c.schedule.after(ms, "fire", text),
      afterTo: (c, ms: number, action: string, ...args: unknown[]) => c.schedule.after(ms, action, ...args),
      at: (c, time: number, text: string) => c.schedule.at(time, "fire", text),
      get: (c, id: string) => c.schedule.get(id),
      list: (c) => c.schedule.list(),
      cancel: (c, id: string) => c.schedule.cancel(id),
      dead: (c) => c.schedule.deadLetters(),
      retry: (c, id: string) => c.schedule.retry(id),
      set: (c, options: never) => c.cron.set(options),
      every: (c, options: never) => c.cron.every(options),
      job: (c, name: string) => c.cron.get(name),
      jobs: (c) => c.cron.list(),
      drop: (c, name: string) => c.cron.delete(name),
      history: (c, name: string, limit?: number) =>
        c.cron.history(name, limit === undefined ? undefined : { limit }),
      pause: (c, name: string) => c.cron.pause(name),
      resume: (c, name: string) => c.cron.resume(name),
    },
  });
}

/** An action of {@link scheduled}, by name. */
export function invoke<T>(instance: ActorInstance, name: string, ...args: unknown[]): Promise<T> {
  return call(instance, name, ...args) as Promise<T>;
}
