/** The actors of the cluster tests: each shows one way to reach an actor of another node. */
import { actor, event, queue } from "holdfast";
import { db } from "holdfast/db";

export const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, value: number) => {
      c.state.count += value;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    read: (c) => c.state.count,
    /** The process that runs this actor. */
    process: () => process.pid,
    whoami: (c) => c.actorId,
    region: (c) => c.region,
    clock: () => Date.now(),
    /** Counts in another actor, which another node may serve. */
    addElsewhere: async (c, key: string, value: number) =>
      c.client<ClusterRegistry>().counter.getOrCreate([key]).add(value),
    sendElsewhere: async (c, key: string, value: number) =>
      c.client<ClusterRegistry>().adder.getOrCreate([key]).send("values", value),
    /** The same, with the name of the actor as text. */
    addNamed: async (c, name: string, key: string, value: number) =>
      (await c.client()[name].getOrCreate([key]).add(value)) as number,
    names: (c) => [c.name, ...c.key],
    endElsewhere: async (c, key: string) => {
      await c.client<ClusterRegistry>().counter.destroy([key]);
    },
    wait: async (_c, ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return "waited";
    },
    stream: async function* (_c, count: number) {
      for (let at = 0; at < count; at++) yield at;
    },
  },
  onRequest: async (c, request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/misdirected") return new Response("mine", { status: 421 });
    if (pathname === "/header") return new Response(request.headers.get("x-name"));
    if (request.method === "POST") return new Response(request.body, { headers: { "x-echo": "yes" } });
    return Response.json({ url: request.url, count: c.state.count });
  },
  onWebSocket: (_c, socket) => {
    socket.addEventListener("message", ({ data }) => socket.send(data));
  },
});

export const adder = actor({
  state: { sum: 0 },
  queues: { values: queue<number>() },
  run: async (c) => {
    for await (const message of c.queue.iter()) {
      c.state.sum += message.body;
    }
  },
  actions: { sum: (c) => c.state.sum },
});

export const alarm = actor({
  state: { fired: [] as number[] },
  actions: {
    set: async (c, afterMs: number) => {
      await c.schedule.after(afterMs, "fire");
    },
    fire: (c) => {
      c.state.fired.push(process.pid);
    },
    fired: (c) => c.state.fired,
    /** The process that runs this actor. */
    process: () => process.pid,
  },
});

export const notes = actor({
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS note (text TEXT)");
    },
  }),
  actions: {
    write: async (c, text: string) => {
      await c.db.execute("INSERT INTO note (text) VALUES (?)", text);
    },
    all: async (c) => {
      const rows = await c.db.execute<{ text: string }>("SELECT text FROM note ORDER BY rowid");
      return rows.map(({ text }) => text);
    },
  },
});

export const guarded = actor({
  onAuth: (_c, options) => {
    if ((options.params as { readonly token?: string } | undefined)?.token !== "yes") throw new Error("no");
    return {};
  },
  state: {},
  actions: { hello: () => "hello" },
});

export const doubler = actor({
  queues: { jobs: queue<number, number>() },
  run: async (c) => {
    for await (const job of c.queue.iter({ names: ["jobs"], completable: true })) {
      await job.complete(job.body * 2);
    }
  },
});

/** Money moves by messages: a transfer and its message are one commit. */
export const account = actor({
  state: { balance: 0 },
  queues: { deposits: queue<number>() },
  run: async (c) => {
    for await (const message of c.queue.iter()) {
      c.state.balance += message.body;
    }
  },
  actions: {
    deposit: (c, amount: number) => {
      c.state.balance += amount;
    },
    transfer: async (c, to: string, amount: number) => {
      c.state.balance -= amount;
      await c.client<ClusterRegistry>().account.getOrCreate([to]).send("deposits", amount);
    },
    balance: (c) => c.state.balance,
  },
});

/** Rooms whose members hear each word once and in order. It sleeps while nobody speaks. */
export const chat = actor({
  options: { sleepTimeout: 300 },
  state: { words: 0 },
  events: { said: event<number>() },
  actions: {
    enter: (c, room: string) => c.conn.join(room),
    say: (c, room: string) => {
      c.state.words += 1;
      c.broadcast({ event: "said", room }, c.state.words);
      return c.state.words;
    },
    process: () => process.pid,
  },
});

/** Two releases of a notebook: the second migrates its state. */
const notebookActions = { process: () => process.pid };
export const notebook = actor({
  state: { entries: [] as string[] },
  actions: {
    ...notebookActions,
    add: (c, entry: string): readonly string[] => {
      c.state.entries.push(entry);
      return [...c.state.entries];
    },
  },
});
export const nextNotebook = actor({
  state: { lines: [] as string[] },
  migrateState: [(old) => ({ lines: (old as { readonly entries: string[] }).entries })],
  actions: {
    ...notebookActions,
    add: (c, line: string): readonly string[] => {
      c.state.lines.push(line);
      return [...c.state.lines];
    },
  },
});

export const clusterActors = { counter, account, adder, alarm, notes, guarded, doubler, chat, notebook };
export type ClusterRegistry = import("holdfast").Registry<typeof clusterActors>;
