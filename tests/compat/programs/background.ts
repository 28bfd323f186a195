/** vars, keepAwake, waitUntil, a run loop, onStateChange, abort on stop. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const seen: string[] = [];

const ticker = actor({
  state: { ticks: 0, note: "" },
  createVars: () => ({ changes: 0 }),
  events: { tick: event<number>() },
  run: async (c) => {
    while (!c.aborted) {
      c.state.ticks += 1;
      c.broadcast("tick", c.state.ticks);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        c.abortSignal.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    seen.push("run ended");
  },
  onStateChange: (c, state) => {
    c.vars.changes += 1;
    assert.equal(typeof state.ticks, "number");
  },
  onSleep: () => {
    seen.push("sleep");
  },
  actions: {
    ticks: (c) => c.state.ticks,
    changes: (c) => c.vars.changes,
    later: (c, note: string) => {
      c.waitUntil(
        (async () => {
          await new Promise((resolve) => setTimeout(resolve, 30));
          c.state.note = note;
        })(),
      );
    },
    long: async (c) => await c.keepAwake(Promise.resolve(7)),
    note: (c) => c.state.note,
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { ticker } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.ticker.getOrCreate(["t"]);
  const conn = handle.connect();
  await new Promise((resolve) => conn.once("tick", resolve));
  assert.ok((await handle.changes()) >= 1);
  assert.equal(await handle.long(), 7);
  await conn.dispose();
  await handle.later("written while going to sleep");
  const before = await handle.ticks();
  await handle.nap();
  assert.equal(await handle.note(), "written while going to sleep");
  assert.ok((await handle.ticks()) >= before);
  assert.ok(seen.includes("run ended") && seen.includes("sleep"));
  await client.dispose();
}
