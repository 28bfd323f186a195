/** Recurring schedules by name. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    const { group, code } = error as { group: string; code: string };
    return `${group}.${code}`;
  }
}

const reports = actor({
  state: { runs: 0 },
  onCreate: async (c) => {
    await c.cron.set({
      name: "daily",
      expression: "0 9 * * *",
      timezone: "America/New_York",
      action: "report",
    });
  },
  actions: {
    report: (c, ..._args: unknown[]) => {
      c.state.runs += 1;
    },
    hourly: (c) => c.cron.set({ name: "hourly", expression: "0 * * * *", action: "report", args: ["h"] }),
    every: (c, interval: number) => c.cron.every({ name: "beat", interval, action: "report", maxHistory: 5 }),
    get: async (c, name: string) => (await c.cron.get(name)) ?? null,
    list: async (c) => await c.cron.list(),
    remove: (c, name: string) => c.cron.delete(name),
    history: (c, name: string) => c.cron.history(name, { limit: 5 }),
    codes: async (c) => ({
      name: await codeOf(c.cron.every({ name: "", interval: 5_000, action: "report" })),
      long: await codeOf(c.cron.every({ name: "n".repeat(129), interval: 5_000, action: "report" })),
      interval: await codeOf(c.cron.every({ name: "x", interval: 4_999, action: "report" })),
      expression: await codeOf(c.cron.set({ name: "x", expression: "not cron", action: "report" })),
      zone: await codeOf(
        c.cron.set({ name: "x", expression: "* * * * *", timezone: "Mars/One", action: "report" }),
      ),
      history: await codeOf(
        c.cron.every({ name: "x", interval: 5_000, action: "report", maxHistory: 1_001 }),
      ),
    }),
  },
});

export const registry = setup({ use: { reports } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.reports.getOrCreate(["r"]);
  const daily = await handle.get("daily");
  assert.ok(daily !== null && daily.kind === "cron");
  assert.equal(daily.expression, "0 9 * * *");
  assert.equal(daily.timezone, "America/New_York");
  assert.equal(daily.maxHistory, 100);
  assert.deepEqual(daily.args, []);
  assert.ok(daily.nextRunAt > Date.now());
  assert.equal(daily.lastRunAt, undefined);

  await handle.hourly();
  await handle.every(600_000);
  const before = await handle.get("beat");
  await handle.every(600_000);
  const beat = await handle.get("beat");
  assert.deepEqual(beat, before);
  assert.ok(beat !== null && beat.kind === "every" && beat.interval === 600_000 && beat.maxHistory === 5);
  const hourly = await handle.get("hourly");
  assert.ok(hourly !== null && hourly.kind === "cron" && hourly.timezone === "UTC");
  assert.deepEqual(hourly.args, ["h"]);
  assert.deepEqual((await handle.list()).map((job) => job.name).sort(), ["beat", "daily", "hourly"]);
  assert.equal(await handle.remove("hourly"), true);
  assert.equal(await handle.remove("hourly"), false);
  assert.equal(await handle.get("hourly"), null);
  assert.deepEqual(await handle.history("beat"), []);
  assert.deepEqual(await handle.history("nothing"), []);
  assert.deepEqual(await handle.codes(), {
    name: "schedule.invalid_name",
    long: "schedule.invalid_name",
    interval: "schedule.invalid_interval",
    expression: "schedule.invalid_cron_expression",
    zone: "schedule.invalid_timezone",
    history: "schedule.invalid_max_history",
  });
  await client.dispose();
}
