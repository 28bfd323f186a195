import { actor, type ScheduledFireInfo } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Observed {
  readonly fired: Record<string, number>;
  readonly ticks: Record<string, number>;
  readonly lastTickAt: number;
  readonly dead: readonly string[];
  readonly now: number;
}

const intervalMs = 5_000;

/** Schedules that fire while their actor sleeps, moves or crashes: none may be lost, and each takes effect once. */
export function schedules(world: World): Workload {
  const random = world.random("schedules");
  const bell = actor({
    options: { sleepTimeout: 2_000 },
    state: { fired: {} as Record<string, number>, ticks: {} as Record<string, number>, lastTickAt: 0 },
    onCreate: async (c) => {
      await c.cron.every({ name: "tick", interval: intervalMs, action: "tick" });
    },
    actions: {
      ring: async (c, token: string, inMs: number) => {
        await c.schedule.after(inMs, "fire", token);
      },
      fire: (c, token: string) => {
        c.state.fired[token] = (c.state.fired[token] ?? 0) + 1;
      },
      tick: (c, info: ScheduledFireInfo) => {
        c.state.ticks[info.scheduledAt] = (c.state.ticks[info.scheduledAt] ?? 0) + 1;
        c.state.lastTickAt = info.scheduledAt;
      },
      look: async (c): Promise<Observed> => ({
        fired: { ...c.state.fired },
        ticks: { ...c.state.ticks },
        lastTickAt: c.state.lastTickAt,
        dead: (await c.schedule.deadLetters()).map(({ args }) => String(args[0])),
        now: world.clock.now(),
      }),
    },
  });
  const keys = ["p", "q"];
  const accepted: { readonly token: string; readonly key: string; readonly dueAt: number }[] = [];
  const look = async (key: string): Promise<Observed> =>
    (await world.client.getOrCreate("bell", key).action({ name: "look" })) as Observed;

  const client = async (): Promise<void> => {
    for (let count = random.int(5, 15); count > 0; count--) {
      await world.pause(random.skewed(15_000));
      const key = random.pick(keys);
      const token = world.ledger.token();
      const inMs = random.chance(0.3) ? 0 : random.int(1, 40_000);
      const set = await world.attempt(`ring ${token} of ${key} in ${inMs}`, async () => {
        await world.client.getOrCreate("bell", key).action({ name: "ring", args: [token, inMs] });
        return true;
      });
      if (set !== true) continue;
      accepted.push({ token, key, dueAt: world.clock.now() + inMs });
      world.assert(
        world.ledger.isDurable(token),
        () => `a schedule was acknowledged before its commit (${token})`,
      );
    }
  };

  return {
    name: "schedules",
    definitions: { bell },
    clients: Array.from({ length: 4 }, () => client),
    check: async () => {
      // No client calls the actor: due schedules must wake it.
      const lastDueAt = Math.max(0, ...accepted.map(({ dueAt }) => dueAt));
      await world.pause(Math.max(0, lastDueAt - world.clock.now()) + 400_000);
      const observed = new Map<string, Observed>();
      for (const key of new Set(accepted.map((each) => each.key))) observed.set(key, await look(key));
      for (const { token, key } of accepted) {
        const of = observed.get(key);
        const times = of?.fired[token] ?? 0;
        const gaveUp = of?.dead.includes(token) === true;
        world.assert(
          times === 1 || (times === 0 && gaveUp),
          () => `schedule ${token} of ${key} fired ${times} times`,
        );
      }
      for (const [key, { fired, ticks, lastTickAt, now }] of observed) {
        for (const [what, times] of [...Object.entries(fired), ...Object.entries(ticks)]) {
          world.assert(times === 1, () => `${what} of ${key} took effect ${times} times`);
        }
        const lateMs = now - lastTickAt;
        world.assert(lateMs <= 2 * intervalMs + 1_000, () => `${key} has not ticked for ${lateMs} ms`);
      }
    },
  };
}
