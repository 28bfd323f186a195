import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, type CronFire, type ScheduledFireInfo } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { setupTest } from "@holdfast/test-kit";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createRegistry } from "../src/index.ts";

const hour = 3_600_000;

/** Sleeps between its runs; what it did is in its state, and how often it slept is outside. */
function clockwork(sleeps: { count: number }) {
  return actor({
    state: { fired: [] as [name: string, scheduledAt: number, lateMs: number][] },
    options: { sleepTimeout: 1_000 },
    onSleep: () => void sleeps.count++,
    actions: {
      begin: async (c) => {
        await c.cron.set({ name: "hours", expression: "0 * * * *", action: "run" });
        await c.cron.set({
          name: "berlin",
          expression: "30 2,9 * * *",
          timezone: "Europe/Berlin",
          action: "run",
        });
        await c.cron.set({ name: "seconds", expression: "20 */10 * * * *", action: "run" });
        await c.cron.every({ name: "every", interval: 7 * 60_000, action: "run" });
        await c.schedule.after(13 * hour, "run");
      },
      run: (c, info: ScheduledFireInfo) => {
        c.state.fired.push([info.name ?? "once", info.scheduledAt, info.firedAt - info.scheduledAt]);
      },
      fired: (c) => c.state.fired,
      history: (c, name: string): Promise<CronFire[]> => c.cron.history(name, { limit: 1_000 }),
      next: async (c) => (await c.cron.list()).map(({ name, nextRunAt }) => [name, nextRunAt] as const),
    },
  });
}

for (const crashes of [false, true]) {
  const name = crashes ? "with a crash every three hours" : "with sleeps in between";
  test(`24 hours of cron fire at exactly the expected times, ${name}`, { timeout: 120_000 }, async (t) => {
    const sleeps = { count: 0 };
    const registry = createRegistry({
      use: { clockwork: clockwork(sleeps) },
      store: () => createMemoryStore({ ports: systemPorts() }),
    });
    const kit = await setupTest(t, registry, { paused: true });
    const handle = kit.client.clockwork.getOrCreate("day");
    const start = kit.clock.now();
    await handle.begin();
    for (let i = 0; i < 8; i++) {
      await kit.clock.advance("3h");
      if (crashes) await kit.crash();
    }
    const end = kit.clock.now();
    assert.equal(end - start, 24 * hour);
    const fired = await handle.fired();
    const times = (name: string): number[] =>
      fired.filter(([each]) => each === name).map(([, scheduledAt]) => scheduledAt);
    const multiples = (step: number, offset: number): number[] => {
      const found: number[] = [];
      let time = Math.floor((start - offset) / step) * step + offset;
      for (; time <= end; time += step) if (time > start) found.push(time);
      return found;
    };
    assert.deepEqual(times("hours"), multiples(hour, 0));
    assert.deepEqual(times("seconds"), multiples(600_000, 20_000));
    assert.deepEqual(
      times("every"),
      Array.from({ length: Math.floor((24 * 60) / 7) }, (_, i) => start + (i + 1) * 7 * 60_000),
    );
    assert.deepEqual(times("once"), [start + 13 * hour]);
    const local = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Berlin", timeStyle: "short" });
    const berlin = times("berlin");
    assert.equal(new Set(berlin).size, berlin.length);
    // Two a day, unless the clocks change on this day.
    assert.ok(berlin.length >= 1 && berlin.length <= 2);
    for (const time of berlin) assert.match(local.format(time), /^(02:30|09:30|03:00)$/);
    assert.deepEqual(
      fired.filter(([, , lateMs]) => lateMs !== 0),
      [],
    );
    assert.ok(sleeps.count > 100, `${sleeps.count} sleeps`);
    const history = await handle.history("hours");
    assert.deepEqual(
      history.map(({ result, scheduledAt }) => [result, scheduledAt]),
      times("hours")
        .reverse()
        .map((time) => ["ok", time]),
    );
  });
}
