/** A workflow: steps, retries, a durable sleep, a queue, a loop. */
import assert from "node:assert/strict";
import { actor, event, queue, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { Loop, workflow } from "rivetkit/workflow";

const order = actor({
  state: { log: [] as string[], attempts: 0, total: 0, finished: false },
  events: { finished: event<number>() },
  queues: { items: queue<{ price: number } | "done">() },
  run: workflow(async (ctx) => {
    const id = await ctx.step("make id", async (c) => {
      c.state.log.push("id");
      return "order-1";
    });
    await ctx.step({
      name: "charge",
      maxRetries: 3,
      retryBackoffBase: 1,
      retryBackoffMax: 2,
      run: async (c) => {
        c.state.attempts += 1;
        if (c.state.attempts < 3) throw new Error("card network down");
        c.state.log.push(`charged ${id}`);
      },
    });
    await ctx.sleep("settle", 10);
    const total = await ctx.loop({
      name: "items",
      state: { sum: 0 },
      run: async (loop, state) => {
        const message = await loop.queue.next("item", { names: ["items"] });
        if (message === undefined) return Loop.continue(state);
        const body = message.body as { price: number } | "done";
        if (body === "done") return Loop.break(state.sum);
        return Loop.continue({ sum: state.sum + body.price });
      },
    });
    await ctx.step("finish", async (c) => {
      c.state.total = total as number;
      c.state.finished = true;
      c.broadcast("finished", c.state.total);
    });
  }),
  actions: {
    view: (c) => ({
      log: c.state.log,
      attempts: c.state.attempts,
      total: c.state.total,
      finished: c.state.finished,
    }),
  },
});

export const registry = setup({ use: { order } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.order.getOrCreate(["o"]);
  const conn = handle.connect();
  const finished = new Promise((resolve) => conn.on("finished", resolve));
  await conn.view();
  await handle.send("items", { price: 5 });
  await handle.send("items", { price: 7 });
  await handle.send("items", "done");
  assert.equal(await finished, 12);
  assert.deepEqual(await handle.view(), {
    log: ["id", "charged order-1"],
    attempts: 3,
    total: 12,
    finished: true,
  });
  await conn.dispose();
  await client.dispose();
}
