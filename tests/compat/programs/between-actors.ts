/** Actors that call each other: typed by the registry that they are part of, with errors passed on, and events. */
import assert from "node:assert/strict";
import { actor, event, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

const stock = actor({
  createState: (_c: unknown, input: { count: number }) => ({ count: input.count }),
  events: { low: event<number>() },
  actions: {
    take: (c, count: number) => {
      if (count > c.state.count)
        throw new UserError("Too few", { code: "too_few", metadata: { have: c.state.count } });
      c.state.count -= count;
      if (c.state.count < 3) c.broadcast("low", c.state.count);
      return c.state.count;
    },
  },
});

const cart = actor({
  state: { lines: [] as string[] },
  actions: {
    buy: async (c, item: string, count: number): Promise<number> => {
      const client = c.client<typeof registry>();
      const left = await client.stock.getOrCreate([item], { createWithInput: { count: 5 } }).take(count);
      c.state.lines.push(`${count} ${item}`);
      return left;
    },
    tryToBuy: async (c, item: string, count: number): Promise<string> => {
      const client = c.client<typeof registry>();
      try {
        await client.stock.get([item]).take(count);
        return "bought";
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    watch: async (c, item: string): Promise<number> => {
      const conn = c.client<typeof registry>().stock.get([item]).connect();
      try {
        await conn.ready;
        const low = new Promise<number>((resolve) => {
          conn.on("low", (left: unknown) => resolve(Number(left)));
        });
        // After the subscription, on the same connection.
        await conn.take(1);
        return await low;
      } finally {
        await conn.dispose();
      }
    },
    lines: (c) => c.state.lines,
    ask: async (c, times: number): Promise<number> => {
      if (times === 0) return 0;
      const next = c.client<typeof registry>().cart.getOrCreate([`${c.key.join()}-${times}`]);
      return 1 + (await next.ask(times - 1));
    },
  },
});

export const registry = setup({ use: { stock, cart } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const mine = client.cart.getOrCreate(["me"]);
  assert.equal(await mine.buy("tea", 2), 3);
  await assert.rejects(mine.buy("tea", 9), { group: "user", code: "too_few", metadata: { have: 3 } });
  assert.equal(await mine.tryToBuy("tea", 9), "too_few");
  assert.equal(await mine.tryToBuy("coffee", 1), "not_found");
  assert.equal(await mine.watch("tea"), 2);
  assert.deepEqual(await mine.lines(), ["2 tea"]);
  assert.equal(await mine.ask(3), 3);
  await client.dispose();
}
