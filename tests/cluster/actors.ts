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
    /** Counts in another actor, which another node may serve. */
    addElsewhere: async (c, key: string, value: number) =>
      c.client<ClusterRegistry>().counter.getOrCreate([key]).add(value),
    sendElsewhere: async (c, key: string, value: number) =>
      c.client<ClusterRegistry>().adder.getOrCreate([key]).send("values", value),
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

export const clusterActors = { counter, adder, alarm, notes, guarded, doubler };
export type ClusterRegistry = import("holdfast").Registry<typeof clusterActors>;
