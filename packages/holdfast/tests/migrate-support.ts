import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { encodeValue, systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { db } from "../src/db.ts";
import { actor, event, queue, setup } from "../src/index.ts";
import { workflow } from "../src/workflow.ts";
import { command, type Finished, start } from "./support.ts";

/** An actor with everything that a store can hold of one. */
const everything = actor({
  state: { steps: [] as string[], calls: 0 },
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS entry (value INTEGER, filler BLOB)");
    },
  }),
  queues: { go: queue<{ n: number }>(), mail: queue<{ to: string }>() },
  run: workflow(async (ctx) => {
    await ctx.step("first", (step) => void step.state.steps.push("first"));
    const message = await ctx.queue.next("go", { names: ["go"] });
    await ctx.step("second", (step) => {
      step.state.steps.push(`second ${message.body.n}`);
      step.broadcast("step", "second");
    });
  }),
  events: { step: event<string>() },
  actions: {
    fill: async (c) => {
      await c.kv.put("greeting", "hello");
      await c.queue.send("mail", { to: "someone" });
      // Becomes due while the actors are moved.
      await c.schedule.after(1_500, "fired");
      await c.cron.every({ name: "poll", interval: 3_600_000, action: "fired" });
      for (let n = 1; n <= 3; n += 1) {
        await c.db.execute("INSERT INTO entry VALUES (?, randomblob(400000))", n);
      }
      return (await c.blob.put(new Uint8Array(3_000_000).fill(7))).hash;
    },
    fired: (c) => {
      c.state.steps.push("fired");
      c.broadcast("step", "fired");
    },
    count: (c) => ++c.state.calls,
    steps: (c) => c.state.steps,
    read: async (c, hash: string) => {
      const rows = await c.db.execute<{ total: number }>("SELECT sum(value) AS total FROM entry");
      await c.db.execute("INSERT INTO entry VALUES (10, NULL)");
      const bytes = await c.blob.bytes(hash);
      const mail = await c.queue.tryNext({ names: ["mail"] });
      return {
        greeting: await c.kv.get("greeting"),
        total: rows[0]?.total,
        object: [bytes?.length, bytes?.at(-1)],
        mail: mail?.body.to,
        jobs: (await c.cron.list()).map(({ name }) => name),
      };
    },
    end: (c) => c.destroy(),
  },
});
const plain = actor({ state: { n: 0 }, actions: { add: (c, by: number) => (c.state.n += by) } });
const use = { everything, plain };

export function registryOf(t: TestContext, dataDirectory: string, store?: string) {
  const registry = setup({ use, dataDirectory, noWelcome: true, ...(store === undefined ? {} : { store }) });
  t.after(() => registry.shutdown());
  return registry;
}

export async function reportOf(args: readonly string[]) {
  const { code, stdout, stderr } = await command(["migrate", "--json", ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** A proxy in front of the database that forwards a number of bytes, in both directions together, and then no more. */
export async function haltingProxy(t: TestContext, port: number, maxBytes: number) {
  const halted = Promise.withResolvers<void>();
  let forwarded = 0;
  const sockets = new Set<Socket>();
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
    from.on("data", (chunk) => {
      forwarded += chunk.length;
      if (forwarded > maxBytes) halted.resolve();
      else to.write(chunk);
    });
  };
  const proxy = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    forward(client, upstream);
    forward(upstream, client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const { port: own } = proxy.address() as AddressInfo;
  return { port: own, halted: halted.promise, forwarded: () => forwarded };
}

/** Starts a migration and kills it after it has exchanged a number of bytes with the database. */
export async function killedAfter(t: TestContext, from: string, to: string, bytes: number): Promise<void> {
  const url = new URL(to);
  const proxy = await haltingProxy(t, Number(url.port), bytes);
  url.port = `${proxy.port}`;
  const child = start(["migrate", "--from", from, "--to", url.href]);
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on("exit", (_code, signal) => resolve(signal)),
  );
  await Promise.race([proxy.halted, exited]);
  child.kill("SIGKILL");
  assert.equal(await exited, "SIGKILL", `still running after ${bytes} bytes`);
}

export function failed({ code, stderr }: Finished, message: RegExp, expected = 1): void {
  assert.equal(code, expected, stderr);
  assert.match(stderr, message);
}

/** A store with many actors, some of them destroyed, one of them with more data than one transaction takes. */
export async function manyActors(directory: string, count: number): Promise<void> {
  const store = await openSqliteStore({ path: join(directory, "actors"), ports: systemPorts() });
  const expiresAt = Date.now() + 3_600_000;
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const turn = { actorId: randomUUID(), epoch: 1, commitId: randomUUID() };
      const key = new TextEncoder().encode(`\x01${at}`);
      const value = new Uint8Array(at === 0 ? 1_900_000 : 10).fill(at);
      const created = store.commit({
        ...{ ...turn, version: 1, create: { name: "plain", key: [`${at}`], createdAt: at } },
        state: { type: "snapshot", bytes: encodeValue({ n: at }) },
        kv: Array.from({ length: at === 0 ? 6 : 1 }, (_, n) => ({
          ...{ type: "put", key: Uint8Array.from([...key, n]), value },
        })),
        calls: [{ key: "once", status: "done", outcome: value.subarray(0, 10), expiresAt }],
      });
      await created;
      if (at % 10 === 9) await store.commit({ ...turn, version: 2, destroyedAt: 5 });
    }),
  );
  await store.close();
}

type Registry = ReturnType<typeof registryOf>;

/** Fills an installation on SQLite; returns what the checks after its move need. Its server is still running. */
export async function filled(first: Registry) {
  const original = first.client.everything.getOrCreate(["a", "b"]);
  const hash = await original.fill();
  const id = await original.resolve();
  assert.equal(await original.action({ name: "count", args: [], idempotencyKey: "once" }), 1);
  const time = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(await original.count(), 2);
  await first.client.plain.getOrCreate("p").add(5);
  const ended = first.client.everything.getOrCreate("ended");
  const endedId = await ended.resolve();
  await ended.end();
  return { id, hash, time, endedId };
}

/** Checks that the actors of an installation go on where it was moved. */
export async function goesOn(
  second: Registry,
  { id, hash }: { readonly id: string; readonly hash: string },
): Promise<void> {
  const moved = second.client.everything.get(["a", "b"]);
  assert.equal(await moved.resolve(), id);
  assert.equal(await moved.action({ name: "count", args: [], idempotencyKey: "once" }), 1);
  assert.equal(await moved.count(), 3);
  const connection = moved.connect();
  const seen = new Set<string>();
  const both = new Promise<void>((resolve) => {
    connection.on("step", (step) => {
      seen.add(step);
      if (seen.size === 2) resolve();
    });
  });
  await connection.ready;
  if ((await moved.steps()).includes("fired")) seen.add("fired");
  await moved.send("go", { n: 42 });
  await both;
  const steps = await moved.steps();
  assert.deepEqual([...steps].sort(), ["fired", "first", "second 42"]);
  assert.equal(steps[0], "first");
  const expected = { greeting: "hello", total: 6, object: [3_000_000, 7], mail: "someone", jobs: ["poll"] };
  assert.deepEqual(await moved.read(hash), expected);
  assert.equal((await moved.read(hash)).total, 16);
  assert.equal(await second.client.plain.getOrCreate("p").add(1), 6);
}
