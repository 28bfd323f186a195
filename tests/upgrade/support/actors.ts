/**
 * The actors whose data is kept from every release. A change of an actor here must read what earlier releases wrote,
 * as the definition of a user must: add fields and actions, and migrate the rest.
 */
import { actor, event, queue, setup, UserError } from "holdfast";
import { db } from "holdfast/db";
import { workflow } from "holdfast/workflow";

/** State with every kind of value, entries, objects and SQL. */
export const notebook = actor({
  state: {
    pages: 0,
    since: new Date(0),
    tags: new Set<string>(),
    sizes: new Map<string, bigint>(),
    cover: new Uint8Array(),
  },
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS page (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
    },
  }),
  events: { added: event<{ page: number; text: string }>() },
  actions: {
    fill: async (c) => {
      c.state.since = new Date(1_700_000_000_000);
      c.state.tags.add("first");
      c.state.sizes.set("first", 2n ** 70n);
      c.state.cover = Uint8Array.of(0, 127, 255);
      await c.kv.put("title", "Tide tables");
      await c.kv.put(Uint8Array.of(0, 255), Uint8Array.of(1, 2, 3));
      return (await c.blob.put("a large object")).hash;
    },
    add: async (c, text: string) => {
      await c.db.execute("INSERT INTO page (text) VALUES (?)", text);
      c.state.pages++;
      c.broadcast("added", { page: c.state.pages, text });
      return c.state.pages;
    },
    pages: (c) => c.db.query<{ id: number; text: string }>("SELECT * FROM page ORDER BY id"),
    state: (c) => ({ ...c.state }),
    entries: async (c) => [
      await c.kv.get("title"),
      await c.kv.get(Uint8Array.of(0, 255), { type: "binary" }),
    ],
    object: async (c, hash: string) => new TextDecoder().decode(await c.blob.bytes(hash)),
  },
});

/** Waiting messages, of which one was received before. */
export const mailbox = actor({
  state: { received: [] as string[] },
  queues: { letters: queue<{ text: string }, { read: string }>() },
  actions: {
    receive: async (c) => {
      const message = await c.queue.tryNext({ names: ["letters"], completable: true });
      if (message === undefined) return null;
      c.state.received.push(message.body.text);
      await message.complete({ read: message.body.text });
      return message.body.text;
    },
    received: (c) => [...c.state.received],
  },
});

/** One schedule that is due after the data was written, one that is not due in this century, and a cron job. */
export const alarm = actor({
  state: { rang: [] as string[] },
  events: { rang: event<string>() },
  actions: {
    arm: async (c, soonMs: number) => {
      await c.schedule.after(soonMs, "ring", "soon");
      await c.schedule.at(4_000_000_000_000, "ring", "late");
      await c.cron.set({ name: "yearly", expression: "0 0 1 1 *", action: "ring", args: ["yearly"] });
    },
    ring: (c, text: string) => {
      c.state.rang.push(text);
      c.broadcast("rang", text);
    },
    rang: (c) => [...c.state.rang],
    planned: async (c) => ({
      once: (await c.schedule.list()).map(({ action, args, runAt }) => ({ action, args, runAt })),
      jobs: (await c.cron.list()).map(({ name, action }) => ({ name, action })),
    }),
  },
});

/** A workflow with finished steps before the message that it waits for. */
export const order = actor({
  state: { log: [] as string[] },
  events: { priced: event<[]>(), shipped: event<[]>() },
  queues: { payments: queue<{ amount: number }>() },
  run: workflow(async (ctx) => {
    const id = await ctx.step("reserve", async (step) => {
      step.state.log.push("reserved");
      return `order-${step.key[0]}`;
    });
    await ctx.sleep("a moment", 1);
    const { priced, checked } = await ctx.join("both", {
      priced: {
        run: (branch) =>
          branch.step("price", async (step) => {
            step.state.log.push("priced");
            return 100;
          }),
      },
      checked: { run: (branch) => branch.step("check", async () => true) },
    });
    await ctx.step("tell", async (step) => step.broadcast("priced"));
    const payment = await ctx.queue.next("payment", { names: ["payments"] });
    await ctx.step("ship", async (step) => {
      const paid = payment.body.amount >= priced && checked ? "paid" : "unpaid";
      step.state.log.push(`shipped ${id}, ${paid}`);
      step.broadcast("shipped");
    });
  }),
  actions: { log: (c) => [...c.state.log] },
});

/** What clients speak with: calls, errors, streams, events and messages. */
export const room = actor({
  state: { said: 0 },
  createConnState: (_c, params?: { readonly name: string }) => ({ name: params?.name ?? "nobody" }),
  events: { said: event<{ by: string; text: string }>() },
  queues: { letters: queue<{ text: string }, { read: string }>() },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["letters"], completable: true }))
      await message.complete({ read: message.body.text });
  },
  onRequest: async (_c, request) =>
    new Response(`${request.method} ${new URL(request.url).pathname}: ${await request.text()}`),
  onWebSocket: (_c, socket) => {
    socket.addEventListener("message", ({ data }) => socket.send(data));
  },
  actions: {
    say: (c, text: string) => {
      c.state.said++;
      c.broadcast("said", { by: c.conn.state.name, text });
      return c.state.said;
    },
    echo: (_c, ...values: unknown[]) => values,
    count: async function* (_c, to: number) {
      for (let number = 1; number <= to; number++) yield number;
    },
    refuse: (_c, left: number) => {
      throw new UserError("Sold out", { code: "sold_out", metadata: { left } });
    },
    doors: { close: () => "closed" },
  },
});

export const goldenActors = { notebook, mailbox, alarm, order, room };

/** A server of these actors on a free port of loopback. */
export function goldenRegistry(dataDirectory: string) {
  return setup({
    use: goldenActors,
    dataDirectory,
    httpPort: 0,
    noWelcome: true,
    shutdown: { disableSignalHandlers: true },
  });
}

export type GoldenRegistry = ReturnType<typeof goldenRegistry>;
