import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { stateAt } from "@holdfast/actors";
import { encodeValue, isErrorCode, systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import pg from "pg";
import { db } from "../src/db.ts";
import { actor, event, queue, setup } from "../src/index.ts";
import { workflow } from "../src/workflow.ts";
import { type Finished, holdfast, scratch, start } from "./support.ts";

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

function registryOf(t: TestContext, dataDirectory: string, store?: string) {
  const registry = setup({ use, dataDirectory, noWelcome: true, ...(store === undefined ? {} : { store }) });
  t.after(() => registry.shutdown());
  return registry;
}

async function reportOf(args: readonly string[]) {
  const { code, stdout, stderr } = await holdfast(["migrate", "--json", ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** A proxy in front of the database that forwards a number of bytes, in both directions together, and then no more. */
async function haltingProxy(t: TestContext, port: number, maxBytes: number) {
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
async function killedAfter(t: TestContext, from: string, to: string, bytes: number): Promise<void> {
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

function failed({ code, stderr }: Finished, message: RegExp): void {
  assert.equal(code, 1, stderr);
  assert.match(stderr, message);
}

/** A store with many actors, some of them destroyed, one of them with more data than one transaction takes. */
async function manyActors(directory: string, count: number): Promise<void> {
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

describe("holdfast migrate", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test("moves actors with everything that they have, and they go on from PostgreSQL", async (t) => {
    const directory = scratch(t);
    const first = registryOf(t, directory);
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

    failed(
      await holdfast(["migrate", "--from", directory, "--to", server.url]),
      /A server has the data directory .* open\. Stop it, and repeat \(store\.locked\)/,
    );
    await first.shutdown();

    const url = server.createDatabase();
    const args = ["--from", directory, "--to", url];
    const plan = await reportOf([...args, "--dry-run"]);
    assert.deepEqual([plan.existing, plan.destroyed, plan.state], [2, 1, "not begun"]);
    const report = await reportOf(args);
    assert.deepEqual(
      [report.existing, report.destroyed, report.resumed, report.isRepeated],
      [2, 1, 0, false],
    );
    assert.deepEqual([report.databases, report.objects], [1, 1]);
    assert.ok(report.calls >= 1 && report.entries > 5 && report.log > 3, JSON.stringify(report));
    assert.equal((await reportOf(args)).isRepeated, true);
    assert.equal((await reportOf([...args, "--dry-run"])).state, "finished");

    const store = await openPostgresStore({ url, ports: systemPorts(), cachePath: scratch(t) });
    assert.equal(((await stateAt(store, id, time)) as { readonly calls: number }).calls, 1);
    assert.equal(((await stateAt(store, id, Date.now())) as { readonly calls: number }).calls, 2);
    assert.equal((await store.get(endedId))?.destroyedAt !== undefined, true);
    await store.close();

    const second = registryOf(t, scratch(t), url);
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

    const again = registryOf(t, directory);
    await again.client.plain.getOrCreate("p").add(1);
    await again.shutdown();
    failed(await holdfast(["migrate", ...args]), /has been used since.*\(migrate\.source_changed\)/);
  });

  test("can be killed at any point and repeated, and finds an actor that differs", async (t) => {
    const directory = scratch(t);
    await manyActors(directory, 600);
    const whole = new URL(server.createDatabase());
    const proxy = await haltingProxy(t, server.port, Number.POSITIVE_INFINITY);
    whole.port = `${proxy.port}`;
    await reportOf(["--from", directory, "--to", whole.href]);
    const total = proxy.forwarded();

    // While the tables are created; twice while actors are copied; while they are verified.
    const url = server.createDatabase();
    const args = ["--from", directory, "--to", url];
    const opened = () => openPostgresStore({ url, ports: systemPorts(), cachePath: scratch(t) });
    await killedAfter(t, directory, url, 4_000);
    for (const share of [0.1, 0.15, 0.5]) {
      await killedAfter(t, directory, url, share * total);
      await assert.rejects(opened(), (error) => isErrorCode(error, "store", "migrate_unfinished"));
    }
    assert.equal((await reportOf([...args, "--dry-run"])).state, "unfinished");
    const { code, stdout, stderr } = await holdfast(["migrate", ...args]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Copied 540 actors and 60 records of destroyed ones/);
    assert.match(stdout, /600 were there from an earlier attempt/);
    assert.match(stdout, /Verified: 540 states and changes, 545 entries, 540 call records/);
    const store = await opened();
    assert.equal(await store.count({ name: "plain" }), 540);
    const record = await store.find("plain", ["11"]);
    assert.deepEqual((await store.acquire(record?.id ?? "")).state?.snapshot, encodeValue({ n: 11 }));
    await store.close();

    const client = new pg.Client(url);
    await client.connect();
    t.after(() => client.end());
    await client.query("UPDATE holdfast.meta SET value = 0 WHERE key LIKE 'migrate/%'");
    await client.query(
      "UPDATE holdfast.kv SET value = 'x' WHERE ctid = (SELECT ctid FROM holdfast.kv LIMIT 1)",
    );
    failed(
      await holdfast(["migrate", ...args]),
      /is not in the database as it is in the source.*\(migrate\.mismatch\)/,
    );
  });

  test("refuses a database with other data, a directory without actors, and another URL", async (t) => {
    const directory = scratch(t);
    await manyActors(directory, 10);
    const url = server.createDatabase();
    const other = scratch(t);
    await manyActors(other, 10);
    await reportOf(["--from", other, "--to", url]);
    const args = ["migrate", "--from", directory, "--to"];
    failed(await holdfast([...args, url]), /migrated from another data directory.*\(migrate\.not_empty\)/);
    const used = server.createDatabase();
    const registry = registryOf(t, scratch(t), used);
    await registry.client.plain.getOrCreate("p").add(1);
    await registry.shutdown();
    for (const more of [[], ["--dry-run"]]) {
      failed(
        await holdfast([...args, used, ...more]),
        /already has actors of its own.*\(migrate\.not_empty\)/,
      );
    }
    failed(
      await holdfast(["migrate", "--from", scratch(t), "--to", url]),
      /There are no actors at .*\(migrate\.nothing_there\)/,
    );
    const wrong = await holdfast([...args, "mysql://user:secret@host/database"]);
    assert.equal(wrong.code, 2);
    assert.doesNotMatch(wrong.stderr, /secret/);
  });
});
