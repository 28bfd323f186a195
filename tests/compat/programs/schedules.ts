/** One-shot schedules and cron jobs. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const reminders = actor({
  state: { fired: [] as { text: string; kind: string }[] },
  events: { fired: event<string>() },
  actions: {
    remind: async (c, text: string, ms: number) => await c.schedule.after(ms, "fire", text),
    remindAt: async (c, text: string, at: number) => await c.schedule.at(at, "fire", text),
    fire: (c, text: string, info?: { kind: string; id: string }) => {
      c.state.fired.push({ text, kind: info?.kind ?? "none" });
      c.broadcast("fired", text);
    },
    pending: async (c) => (await c.schedule.list()).map(({ action, args }) => ({ action, args })),
    cancel: async (c, id: string) => await c.schedule.cancel(id),
    get: async (c, id: string) => await c.schedule.get(id),
    fired: (c) => c.state.fired,
    nightly: async (c) => {
      await c.cron.set({
        name: "nightly",
        expression: "0 3 * * *",
        action: "fire",
        args: ["night"],
        timezone: "Europe/Berlin",
      });
      await c.cron.every({ name: "beat", interval: 5_000, action: "fire", args: ["beat"] });
    },
    jobs: async (c) => (await c.cron.list()).map(({ name, kind }) => ({ name, kind })),
    job: async (c, name: string) => await c.cron.get(name),
    drop: async (c, name: string) => await c.cron.delete(name),
    broken: async (c) => await c.cron.set({ name: "bad", expression: "every day", action: "fire" }),
    tooFast: async (c) => await c.cron.every({ name: "fast", interval: 10, action: "fire" }),
  },
});

export const registry = setup({ use: { reminders } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.reminders.getOrCreate(["r"]);
  const conn = handle.connect();
  const heard = new Promise((resolve) => conn.on("fired", resolve));
  await conn.fired();
  await handle.remind("soon", 30);
  assert.equal(await heard, "soon");
  assert.deepEqual(await handle.fired(), [{ text: "soon", kind: "at" }]);

  const later = await handle.remindAt("later", Date.now() + 3_600_000);
  assert.deepEqual(await handle.pending(), [{ action: "fire", args: ["later"] }]);
  assert.equal((await handle.get(later))?.id, later);
  assert.equal(await handle.cancel(later), true);
  assert.equal(await handle.cancel(later), false);
  assert.deepEqual(await handle.pending(), []);

  await handle.nightly();
  const jobs = await handle.jobs();
  assert.deepEqual(
    jobs.toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      { name: "beat", kind: "every" },
      { name: "nightly", kind: "cron" },
    ],
  );
  const nightly = await handle.job("nightly");
  assert.ok(nightly !== undefined && nightly.nextRunAt > Date.now());
  assert.equal(await handle.drop("beat"), true);
  await assert.rejects(handle.broken(), { group: "schedule", code: "invalid_cron_expression" });
  await assert.rejects(handle.tooFast(), { group: "schedule", code: "invalid_interval" });
  await conn.dispose();
  await client.dispose();
}
