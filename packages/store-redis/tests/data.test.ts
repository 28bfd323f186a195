import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { redisStoreLimits } from "@holdfast/store-redis";
import { manualClock } from "@holdfast/testing";
import { create, created, newActor, next, patch, snapshot } from "@holdfast/testing/batches";
import { sharedRedis } from "@holdfast/testing/redis";
import { openStore, refusal, sql, tempDirectory } from "./support.ts";

const server = await sharedRedis();

/** Keys of a store, without the prefix and the ids. */
function keysOf(url: string): readonly string[] {
  const prefix = `{${new URL(url).searchParams.get("prefix")}}:`;
  const found = server.execute("--scan", "--pattern", `${prefix}*`).split("\n");
  return found.map((key) => key.slice(prefix.length)).sort();
}

test("history is kept up to its limits, from one snapshot to the next", async (t) => {
  const clock = manualClock();
  const ports = { ...systemPorts(), clock };
  const history = { maxAgeMs: 10_000, maxBytes: 100 };
  const store = await openStore(t, { url: server.url(), ports, history });
  const actor = await created(store, snapshot("0".repeat(40)));
  const at = [clock.now()];
  for (let version = 2; version <= 9; version += 1) {
    clock.advance(1_000);
    at.push(clock.now());
    const changes = version % 2 === 0 ? patch("p".repeat(10)) : snapshot(`${version}`.repeat(20));
    await store.commit(next(actor.id, version, 1, changes));
  }
  const known = async (version: number) =>
    (await store.history.stateAt(actor.id, at[version - 1] ?? 0)) !== undefined;
  // Each snapshot with its patch has 30 bytes: three of them fit beside the newest snapshot.
  assert.deepEqual(await Promise.all([1, 2, 3, 5, 7, 9].map(known)), [false, false, true, true, true, true]);
  clock.advance(20_000);
  await store.commit(next(actor.id, 10, 1, snapshot("new")));
  // What was current until now is as old as the snapshot that ended it.
  assert.deepEqual(await Promise.all([7, 8, 9].map(known)), [false, false, true]);
});

test("a database that shrinks loses its pages, and is the same on a node that loads it", async (t) => {
  const url = server.url();
  const store = await openStore(t, { url });
  const actor = newActor();
  const database = await store.databases.open(actor.id, 1, true);
  sql(database, "CREATE TABLE item (bytes BLOB)");
  for (let row = 0; row < 40; row += 1) sql(database, "INSERT INTO item VALUES (randomblob(20000))");
  await store.commit(create(actor, { database: true }));
  sql(database, "DELETE FROM item WHERE rowid > 2");
  await store.commit(next(actor.id, 2, 1, { database: true }));
  sql(database, "VACUUM");
  sql(database, "INSERT INTO item VALUES ('last')");
  await store.commit(next(actor.id, 3, 1, { database: true }));
  const pages = Number(sql(database, "PRAGMA page_count")[0]?.["page_count"]);
  const whole = sql(database, "SELECT hex(bytes) AS h FROM item");
  const prefix = new URL(url).searchParams.get("prefix");
  assert.equal(Number(server.execute("HLEN", `{${prefix}}:page:${actor.id}`)), pages);
  const other = await openStore(t, { url });
  const { record } = await other.acquire(actor.id);
  const copy = await other.databases.open(actor.id, record.epoch, false);
  assert.deepEqual(sql(copy, "SELECT hex(bytes) AS h FROM item"), whole);
});

test("a node that has a copy loads only newer pages", async (t) => {
  const url = server.url();
  const [one, two] = [await openStore(t, { url }), await openStore(t, { url })];
  const actor = newActor();
  const first = await one.databases.open(actor.id, 1, true);
  sql(first, "CREATE TABLE item (id INTEGER PRIMARY KEY, bytes BLOB)");
  for (let row = 0; row < 30; row += 1) sql(first, "INSERT INTO item (bytes) VALUES (randomblob(10000))");
  await one.commit(create(actor, { database: true }));
  first.close();
  const taken = await two.acquire(actor.id);
  const second = await two.databases.open(actor.id, taken.record.epoch, false);
  sql(second, "UPDATE item SET bytes = 'changed' WHERE id = 3");
  await two.commit(next(actor.id, 2, taken.record.epoch, { database: true }));
  const back = await one.acquire(actor.id);
  const third = await one.databases.open(actor.id, back.record.epoch, false);
  assert.deepEqual(sql(third, "SELECT bytes FROM item WHERE id = 3"), [{ bytes: "changed" }]);
  const loaded = one.stats().pagesLoaded;
  assert.ok(loaded > 0 && loaded < 20, `${loaded} pages`);
});

test("lists and wake-ups of more actors than one script looks at are complete", async (t) => {
  const store = await openStore(t, { url: server.url() });
  const count = redisStoreLimits.maxRowsPerScript + 300;
  const actors = Array.from({ length: count }, (_, at) =>
    newActor("many", [at < 10 ? "few" : "other", `${at}`]),
  );
  await Promise.all(actors.map((actor, at) => store.commit(create(actor, { wakeAt: at }))));
  assert.equal(await store.count({ keyPrefix: "few," }), 10);
  assert.equal(await store.count({ name: "many" }), count);
  assert.equal((await store.list({ keyPrefix: "few,", limit: 50 })).actors.length, 10);
  const found: string[] = [];
  for (let after: { wakeAt: number; id: string } | undefined; ; ) {
    const { actors: page } = await store.due(count, 400, after);
    const last = page.at(-1);
    if (last === undefined) break;
    found.push(...page.map(({ id }) => id));
    after = { wakeAt: last.wakeAt ?? 0, id: last.id };
  }
  assert.deepEqual(
    found,
    actors.map(({ id }) => id),
  );
});

test("nothing of a destroyed actor stays but its row, and nothing of work that a crash has left", async (t) => {
  const clock = manualClock();
  const url = server.url();
  const store = await openStore(t, { url, ports: { ...systemPorts(), clock } });
  const actor = newActor();
  const source = async function* () {
    yield Buffer.alloc(1_500_000, 7);
  };
  await store.blobs.put(actor.id, source(), 2_000_000);
  const database = await store.databases.open(actor.id, 1, true);
  sql(database, "CREATE TABLE item (name TEXT)");
  const kv = [{ type: "put", key: Buffer.from("k"), value: Buffer.from("v") }] as const;
  await store.commit(create(actor, { ...snapshot("s"), kv, database: true, wakeAt: 9 }));
  // An upload that never ended.
  const left = randomUUID();
  const prefix = `{${new URL(url).searchParams.get("prefix")}}:`;
  server.execute("HSET", `${prefix}piece:${left}:u`, "0", "bytes");
  server.execute("ZADD", `${prefix}pending`, `${clock.now()}`, `upload ${left} u`);
  await store.commit(next(actor.id, 2, 1, { destroyedAt: 1 }));
  await store.close();
  clock.advance(redisStoreLimits.abandonedMs + 1);
  const again = await openStore(t, { url, cachePath: tempDirectory(t), ports: { ...systemPorts(), clock } });
  await again.close();
  assert.deepEqual(keysOf(url), [`actor:${actor.id}`, "meta"]);
});

test("an image whose copy the server has removed meanwhile fails, and is not shorter", async (t) => {
  const url = server.url();
  const store = await openStore(t, { url });
  const kv = [{ type: "put", key: Buffer.from("k"), value: Buffer.from("v") }] as const;
  const actor = await created(store, { ...snapshot("s"), kv });
  const image = await store.history.image(actor.id);
  for (const key of keysOf(url).filter((each) => each.startsWith("image:"))) {
    server.execute("DEL", `{${new URL(url).searchParams.get("prefix")}}:${key}`);
  }
  const read = async () => {
    for await (const part of image.parts) assert.ok(part.type !== "entries");
  };
  await assert.rejects(read(), refusal("unavailable", /Begin again/));
});
