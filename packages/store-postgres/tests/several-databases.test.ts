import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type CommitBatch, newActorId } from "@holdfast/actors";
import { type ActorKey, encodeKey, systemPorts } from "@holdfast/core";
import { addressHash, createDueFilter } from "@holdfast/server";
import {
  migrateToPostgres,
  openPostgresStore,
  type PostgresStore,
  type PostgresStoreOptions,
} from "@holdfast/store-postgres";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { afterTest, cuttingProxy } from "@holdfast/testing";
import { code, create, newSchema, next, session, sharedServer, snapshot, tempDirectory } from "./support.ts";

const server = await sharedServer();
const { clock, random } = systemPorts();

/** An empty place for tables: a schema of its own, which takes less time to make than a database. */
function newPlace(url = server.url): string {
  return `${url}?schema=${newSchema()}`;
}

function schemaOf(url: string): string {
  return new URL(url).searchParams.get("schema") ?? "";
}

/** Opens a store on these databases; it closes at the end of the test. */
async function open(
  t: TestContext,
  urls: readonly string[],
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresStore> {
  const [url = "", ...databases] = urls;
  const fixed = { url, databases, ports: systemPorts(), cachePath: tempDirectory(t) };
  const store = await openPostgresStore({ ...fixed, ...options });
  afterTest(t, () => store.close());
  return store;
}

/** The first commit of an actor whose id says where it is. */
function creation(key: ActorKey, changes: Partial<CommitBatch> = {}, name = "test"): CommitBatch {
  const id = newActorId(addressHash(name, key), clock, random);
  return { ...create(id, snapshot("s")), ...changes, create: { name, key, createdAt: 1 } };
}

/** Keys of actors in the first and in the second of two databases. */
function keysOf(count: number): readonly [readonly ActorKey[], readonly ActorKey[]] {
  const keys = Array.from({ length: count }, (_, at) => [`${at}`]);
  const isFirst = (key: ActorKey) => (addressHash("test", key) & 1_023) < 512;
  return [keys.filter(isFirst), keys.filter((key) => !isFirst(key))];
}

describe("a store keeps the databases of its first start", () => {
  async function refuses(t: TestContext, urls: readonly string[], expected: RegExp): Promise<void> {
    await assert.rejects(open(t, urls), (error: Error) => {
      assert.match(error.message, expected);
      return code("store", "databases_differ")(error);
    });
  }

  test("others, fewer, more and another order are refused in words, and nothing is changed", async (t) => {
    const [a = "", b = "", c = "", single = ""] = Array.from({ length: 4 }, () => newPlace());
    const both = await open(t, [a, b]);
    await both.commit(creation(["x"]));
    await both.close();
    await (await open(t, [single])).close();
    await refuses(t, [a], /has 2 databases, and 1 is named.*move a database to one of its own/);
    await refuses(t, [b], /is number 2 of the 2 databases of a store. Name all 2 of them/);
    await refuses(t, [b, a], /is number 2 of the 2 databases/);
    await refuses(t, [a, b, c], /has 2 databases, and 3 are named/);
    await refuses(t, [a, c], /Database 2 of 2 .* is not the one that the store has started with/);
    await refuses(t, [a, a], /The databases 1 and 2 .* are one/);
    await refuses(t, [single, c], /has one database, and 2 are named/);
    await refuses(t, [c, b], /belongs to another store/);
    await refuses(t, [c, single], /belongs to another store/);
    // A refusal has claimed nothing.
    assert.equal(await (await open(t, [c])).count({}), 0);
    assert.equal(await (await open(t, [a, b])).count({}), 1);
  });

  test("nodes that start together record them once, and a database may move", async (t) => {
    const [a = "", b = ""] = [newPlace(), newPlace()];
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(t, [a, b])));
    const keys = Array.from({ length: 8 }, (_, at) => [`${at}`]);
    await Promise.all(keys.map((key, at) => stores[at % 4]?.commit(creation(key))));
    assert.equal(await stores[0]?.count({}), 8);
    for (const store of stores) await store.close();
    const moved = newPlace();
    const client = await session(t, server.url);
    await client.query(`ALTER SCHEMA ${schemaOf(b)} RENAME TO ${schemaOf(moved)}`);
    assert.equal(await (await open(t, [a, moved])).count({}), 8);
  });

  test("a store that an earlier release has filled has one", async (t) => {
    const [old = "", added = ""] = [newPlace(), newPlace()];
    const store = await open(t, [old]);
    await store.commit(creation(["x"]));
    await store.close();
    const client = await session(t, server.url);
    await client.query(`DROP TABLE ${schemaOf(old)}.cluster_database, ${schemaOf(old)}.cluster_change`);
    await client.query(`UPDATE ${schemaOf(old)}.meta SET value = 6 WHERE key = 'schema_version'`);
    await refuses(t, [old, added], /has one database, and 2 are named/);
    assert.equal(await (await open(t, [old])).count({}), 1);
  });

  test("a database that is missing is named", async (t) => {
    const missing = server.url.replace(/postgres$/, "nothing");
    await assert.rejects(open(t, [newPlace(), missing]), (error: Error) => {
      assert.match(error.message, /^Database 2 of 2 \(127.0.0.1:\d+\/nothing\): .*Create the database/);
      return code("store", "unavailable")(error);
    });
  });
});

test("everything of an actor is in the database of its shard", async (t) => {
  const urls = [newPlace(), newPlace()];
  const store = await open(t, urls);
  const keys = keysOf(40);
  const kv = [{ type: "put", key: Uint8Array.of(1), value: Uint8Array.of(2) }] as const;
  const calls = [{ key: "k", status: "done", outcome: Uint8Array.of(3), expiresAt: 4e12 }] as const;
  for (const key of keys.flat()) await store.commit(creation(key, { kv, calls }));
  for (const [at, url] of urls.entries()) {
    const client = await session(t, server.url);
    const schema = schemaOf(url);
    const { rows } = await client.query<{ key: string }>(`SELECT key FROM ${schema}.actor ORDER BY key`);
    assert.deepEqual(
      rows.map(({ key }) => key),
      (keys[at] ?? []).map(encodeKey).sort(),
    );
    for (const table of ["state", "kv", "call"]) {
      const others = await client.query(
        `SELECT 1 FROM ${schema}.${table} WHERE actor NOT IN (SELECT id FROM ${schema}.actor)`,
      );
      assert.equal(others.rowCount, 0, table);
    }
  }
  // An id that leads elsewhere could exist twice.
  const elsewhere = newActorId(addressHash("test", keys[1][0] ?? []), clock, random);
  const misplaced = creation(keys[0][0] ?? [], { actorId: elsewhere }, "test");
  await assert.rejects(store.commit(misplaced), code("store", "invalid_commit"));
});

test("without one database, the actors of the other go on", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await open(t, [newPlace(), newPlace(proxy.url)], { retryForMs: 200 });
  const [[here = [], other = []], [gone = []]] = keysOf(20);
  const [first, away] = [creation(here, { wakeAt: 5 }), creation(gone, { wakeAt: 4 })];
  await store.commit(first);
  await store.commit(away);
  proxy.refuse(true);

  const isNamed = (error: Error) => {
    assert.match(error.message, /^Database 2 of 2: The database cannot be used.*Nothing was written/);
    return code("store", "unavailable")(error);
  };
  await assert.rejects(store.find("test", gone), isNamed);
  assert.deepEqual(store.outages?.(), ["database 2 of 2"]);
  assert.equal(store.stats().unavailableDatabases, 1);
  // Refused without another attempt: its retries would take the places of others.
  const retries = store.stats();
  for (const read of [() => store.acquire(away.actorId), () => store.get(away.actorId)]) {
    await assert.rejects(read(), isNamed);
  }
  assert.deepEqual(store.stats(), retries);
  await assert.rejects(store.list({ limit: 5 }), isNamed);
  await assert.rejects(store.commit(next(away.actorId, 2)), (error: Error) =>
    /^Database 2/.test(error.message),
  );

  await store.commit(next(first.actorId, 2));
  await store.commit(creation(other));
  assert.equal((await store.find("test", here))?.version, 2);
  // Those that are known, and a time to look for the others.
  const due = await store.due(10, 5);
  assert.deepEqual([due.actors.map(({ id }) => id), due.nextAt], [[first.actorId], 5]);
  const shards = [addressHash("test", here) & 1_023];
  const filter = createDueFilter({ shardCount: 1_024, shards, names: new Map(), namespaces: [] });
  assert.equal((await store.due(10, 5, undefined, filter)).actors.length, 1);
  assert.equal((await store.due(1, 5, { wakeAt: 9, id: "" })).nextAt, 1_001);

  proxy.refuse(false);
  await isBack(store);
  assert.equal((await store.get(away.actorId))?.version, 1);
  await store.commit(next(away.actorId, 2));
  assert.deepEqual(
    (await store.due(10, 5)).actors.map(({ id }) => id),
    [away.actorId, first.actorId],
  );
});

/** Resolves when no database is out of reach. */
async function isBack(store: PostgresStore): Promise<void> {
  while ((store.outages?.() ?? []).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("a look for due actors does not wait for a database that is silent", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await open(t, [newPlace(), newPlace(proxy.url)], { readConnections: 1 });
  const [[here = []], [gone = []]] = keysOf(20);
  const [first, away] = [creation(here, { wakeAt: 5 }), creation(gone, { wakeAt: 4 })];
  await store.commit(first);
  await store.commit(away);
  // The first read of this id is swallowed with everything after it on its connection.
  const silenced = proxy.cut(away.actorId, "silent");
  const waiting = store.get(away.actorId).catch(() => undefined);
  await silenced;
  const due = await store.due(10, 5);
  assert.deepEqual([due.actors.map(({ id }) => id), due.nextAt], [[first.actorId], 5]);
  // Its answer is still awaited: it is not asked again, nor waited for.
  assert.equal((await store.due(1, 5, { wakeAt: 9, id: "" })).nextAt, 1_001);
  proxy.refuse(true);
  proxy.refuse(false);
  await waiting;
  for (;;) if ((await store.due(10, 5)).actors.length === 2) break;
});

test("migrated actors, whose ids do not say where they are, are divided and found", async (t) => {
  const source = await openSqliteStore({ path: join(tempDirectory(t), "actors"), ports: systemPorts() });
  const keys = keysOf(12);
  const batches = keys.flat().map((key) => ({ ...creation(key), actorId: randomUUID() }));
  for (const batch of batches) await source.commit(batch);
  const archives = await source.archives();
  const [url = "", ...databases] = [newPlace(), newPlace()];
  const target = { url, databases, ports: systemPorts(), source: archives };
  const report = await migrateToPostgres(target);
  assert.deepEqual([report.existing, report.log, report.isRepeated], [12, 12, false]);
  assert.equal((await migrateToPostgres(target)).isRepeated, true);
  archives.close();
  await source.close();

  const store = await open(t, [url, ...databases]);
  for (const { actorId, create: made } of batches) {
    const { record } = await store.acquire(actorId);
    assert.deepEqual([record.key, record.epoch], [made?.key, 2]);
    // In the order of the calls.
    await Promise.all([2, 3, 4].map((version) => store.commit(next(actorId, version, {}, 2))));
    assert.equal((await store.find("test", record.key))?.version, 4);
  }
  assert.equal(await store.get(randomUUID()), undefined);
  await assert.rejects(store.acquire(randomUUID()), code("actor", "not_found"));
  for (const [at, each] of [url, ...databases].entries()) {
    const client = await session(t, server.url);
    const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${schemaOf(each)}.actor`);
    assert.equal(rows[0]?.n, keys[at]?.length);
  }
  // A new owner in another process, which has looked for none of them yet.
  const again = await open(t, [url, ...databases]);
  const [{ actorId = "" } = {}] = batches;
  const commits = [5, 6].map((version) => again.commit(next(actorId, version, {}, 2)));
  await Promise.all(commits);
  assert.equal((await again.get(actorId))?.version, 6);
});
