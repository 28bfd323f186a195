/** The actors of the tests: those of the server's own tests where they fit, and what concerns objects. */
import { actor, db, event } from "@holdfast/actors";
import { workflow } from "@holdfast/actors/workflow";
import type { StandardSchema } from "@holdfast/core";
import {
  clockwork,
  counter,
  echo,
  mailbox,
  member,
  mirror,
  sender,
  sockets,
  worker,
} from "@holdfast/testing/actors";

/** Its connections outlive the memory of its object. */
const room = actor({
  state: { lines: [] as string[], wakes: 0, left: [] as string[] },
  options: { sleepTimeout: 100 },
  events: { said: event<string>(), whispered: event<string>() },
  createConnState: (_c, params: { readonly name: string }) => ({ name: params.name, said: 0 }),
  onWake: (c) => {
    c.state.wakes++;
  },
  onConnect: (c, conn) => {
    conn.join(conn.state.name);
    c.broadcast("said", `${conn.state.name} joined`);
  },
  onDisconnect: (c, conn) => {
    c.state.left.push(conn.state.name);
  },
  actions: {
    say: (c, text: string) => {
      c.conn.state.said++;
      const line = `${c.conn.state.name} ${c.conn.state.said}: ${text}`;
      c.state.lines.push(line);
      c.broadcast("said", line);
      return line;
    },
    joinMany: (c, count: number) => {
      for (let number = 0; number < count; number++) c.conn.join(`a room with a long name, number ${number}`);
    },
    announce: (c, text: string) => c.broadcast("said", text),
    whisper: (c, to: string, text: string) => c.broadcast({ event: "whispered", room: to }, text),
    wakes: (c) => c.state.wakes,
    left: (c) => [...c.state.left],
    id: (c) => c.actorId,
    sleep: (c) => c.sleep(),
  },
});

/** SQL beside state and keys. */
const ledger = actor({
  state: { entries: 0 },
  db: db({
    onMigrate: async (database) => {
      await database.execute(
        "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount)",
      );
    },
  }),
  actions: {
    add: async (c, name: string, amount: number) => {
      const rows = await c.db.execute<{ id: number; kind: string }>(
        "INSERT INTO entry (name, amount) VALUES (?, ?) RETURNING id, typeof(amount) AS kind",
        name,
        amount,
      );
      c.state.entries++;
      return rows;
    },
    named: (c, name: string) => c.db.query("SELECT name, amount FROM entry WHERE name = :name", { name }),
    names: (c) => c.db.query<{ name: string }>("SELECT name FROM entry ORDER BY id").map(({ name }) => name),
    entries: (c) => c.state.entries,
    /** Rolled back on request, after two writes, the second in a nested transaction. */
    transfer: (c, fails: boolean) =>
      c.db.transaction(async (tx) => {
        await tx.execute("INSERT INTO entry (name) VALUES ('outer')");
        await tx
          .transaction(async (inner) => {
            await inner.execute("INSERT INTO entry (name) VALUES ('inner')");
            throw new Error("undone");
          })
          .catch(() => undefined);
        if (fails) throw new Error("undone");
        c.state.entries += 100;
      }),
    /** State, keys and tables roll back together. */
    all: async (c, fails: boolean) => {
      await c
        .transaction(async () => {
          c.state.entries += 1_000;
          await c.kv.put("note", "written");
          await c.db.execute("INSERT INTO entry (name) VALUES ('all')");
          if (fails) throw new Error("undone");
        })
        .catch((error: Error) => {
          if (error.message !== "undone") throw error;
        });
      return { entries: c.state.entries, note: await c.kv.get("note") };
    },
    sql: (c, text: string) => c.db.execute(text),
    sleep: (c) => c.sleep(),
    destroy: (c) => c.destroy(),
  },
});

/** A schema that refuses more than two entries. */
const atMostTwo: StandardSchema<{ entries: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { entries } = value as { entries: number };
      return entries > 2 ? { issues: [{ message: "too many" }] } : { value: { entries } };
    },
  },
};

/** A turn whose state is refused takes its SQL along. */
const strict = actor({
  state: { entries: 0 },
  stateSchema: atMostTwo,
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS entry (name TEXT)");
    },
  }),
  actions: {
    add: async (c, name: string) => {
      await c.db.execute("INSERT INTO entry VALUES (?)", name);
      c.state.entries++;
    },
    names: (c) => c.db.query<{ name: string }>("SELECT name FROM entry").map(({ name }) => name),
    entries: (c) => c.state.entries,
  },
});

/** A workflow that sleeps through the loss of its object's memory. */
const trip = actor({
  state: { steps: [] as string[] },
  options: { sleepTimeout: 50 },
  run: workflow(async (ctx) => {
    await ctx.step("first", (step) => void step.state.steps.push("first"));
    await ctx.sleep("pause", 700);
    await ctx.step("second", (step) => void step.state.steps.push("second"));
  }),
  actions: { steps: (c) => [...c.state.steps], id: (c) => c.actorId },
});

/** Large values, and calls of other actors. */
const store = actor({
  state: { text: "" },
  actions: {
    fill: (c, size: number) => {
      c.state.text = "x".repeat(size);
    },
    size: (c) => c.state.text.length,
    keep: (c, key: string, size: number) => c.kv.put(key, new Uint8Array(size).fill(7), { type: "binary" }),
    kept: async (c, key: string) => (await c.kv.get(key, { type: "binary" }))?.length,
    keys: async (c, prefix: string) => (await c.kv.list(prefix)).length,
    blob: async (c, size: number) => (await c.blob.put(new Uint8Array(size).fill(9))).hash,
    blobPart: async (c, hash: string, start: number, end: number) => {
      const stream = await c.blob.get(hash, { start, end });
      return stream === undefined ? undefined : (await new Response(stream).arrayBuffer()).byteLength;
    },
    count: async (c, key: string, by: number) => {
      const client = c.client<{ readonly "~actors"?: { readonly counter: typeof counter } }>();
      return client.counter.getOrCreate(key).increment(by);
    },
    countTwice: async (c, key: string) => {
      const client = c.client<{ readonly "~actors"?: { readonly counter: typeof counter } }>();
      const connection = client.counter.getOrCreate(key).connect();
      const heard: number[] = [];
      connection.on("changed", (count) => heard.push(count));
      await connection.increment(1);
      await connection.increment(1);
      await connection.dispose();
      return heard;
    },
    fetchMirror: async (c, key: string) => {
      const client = c.client<{ readonly "~actors"?: { readonly mirror: typeof mirror } }>();
      return (await client.mirror.getOrCreate(key).fetch("/hello?x=1")).text();
    },
    listCounters: async (c) => {
      const client = c.client<{ readonly "~actors"?: { readonly counter: typeof counter } }>();
      return (await client.counter.list()).actors.length;
    },
    async *countdown(_c, from: number) {
      for (let left = from; left > 0; left--) yield left;
    },
    sleep: (c) => c.sleep(),
  },
});

export const registry = {
  use: {
    counter,
    echo,
    worker,
    sender,
    mailbox,
    member,
    mirror,
    sockets,
    clockwork,
    room,
    ledger,
    strict,
    trip,
    store,
  },
};

export type TestRegistry = { readonly "~actors"?: typeof registry.use };
