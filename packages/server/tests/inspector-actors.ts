import { action, actor, event, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { workflow } from "@holdfast/actors/workflow";
import { UserError } from "@holdfast/core";
import { z } from "zod";

/** An actor of every kind of thing that an inspector shows. */
export const shop = actor({
  stateSchema: z.object({ count: z.number(), big: z.bigint() }),
  createState: () => ({ count: 0, big: 2n ** 70n }),
  events: { changed: event<number>({ schema: z.number() }) },
  queues: {
    orders: queue<{ item: string }>({ message: z.object({ item: z.string() }) }),
    poison: queue<string>({ maxAttempts: 1 }),
  },
  db: db({
    onMigrate: async (database) => {
      await database.execute(
        "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL DEFAULT 1)",
      );
      await database.execute("CREATE TABLE IF NOT EXISTS part (item INTEGER REFERENCES item (id))");
    },
  }),
  actionInputSchemas: { add: z.tuple([z.number().int()]) },
  actions: {
    add: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      c.log.info("counted", { count: c.state.count });
      return c.state.count;
    },
    rename: action({
      input: z.object({ name: z.string().min(1) }),
      output: z.object({ ok: z.boolean() }),
      handler: (_c, { name }) => ({ ok: name !== "" }),
    }),
    refuse: () => {
      throw new UserError("No", { code: "refused" });
    },
    remember: (c, key: string, value: string) => c.kv.put(key, value),
    plan: async (c) => {
      await c.cron.every({ name: "tick", interval: 60_000, action: "add", args: [1] });
      return c.schedule.after(3_600_000, "add", 2);
    },
    poisoned: async (c) => {
      const message = await c.queue.tryNext({ names: ["poison"], completable: true });
      return message?.body;
    },
  },
});

export const order = actor({
  state: { steps: 0 },
  run: workflow(async (ctx) => {
    const first = await ctx.step("first", () => "one");
    await ctx.loop("twice", async (loop) => {
      await loop.step("in", () => first.length);
      return { break: true, value: undefined } as never;
    });
    return first;
  }),
  actions: { steps: (c) => c.state.steps },
});

export const inspected = { shop, order };
