import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import type { ActorDatabase } from "@holdfast/actors";
import type { PostgresStore } from "@holdfast/store-postgres";
import { cuttingProxy } from "@holdfast/testing";
import {
  code,
  create,
  newSchema,
  next,
  type OpenOptions,
  openStore,
  session,
  sharedServer,
  sql,
  tempDirectory,
} from "./support.ts";

const server = await sharedServer();
const sqlTurn = { database: true } as const;

interface Owner {
  readonly store: PostgresStore;
  readonly database: ActorDatabase;
  readonly id: string;
  readonly epoch: number;
  version: number;
}

/** Commits what the owner's SQL has changed. */
async function commit(owner: Owner): Promise<void> {
  owner.version += 1;
  await owner.store.commit(next(owner.id, owner.version, sqlTurn, owner.epoch));
}

async function born(store: PostgresStore): Promise<Owner> {
  const id = randomUUID();
  const database = await store.databases.open(id, 1, true);
  sql(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)");
  await store.commit(create(id, sqlTurn));
  return { store, database, id, epoch: 1, version: 1 };
}

async function takeOver(store: PostgresStore, id: string): Promise<Owner> {
  const { record } = await store.acquire(id);
  const database = await store.databases.open(id, record.epoch, false);
  return { store, database, id, epoch: record.epoch, version: record.version };
}

function fill(database: ActorDatabase, rows: number): void {
  for (let row = 0; row < rows; row += 1) {
    sql(database, "INSERT INTO item (text) VALUES (?)", ["x".repeat(3_000)]);
  }
}

const count = (database: ActorDatabase) => sql(database, "SELECT count(*) AS n FROM item")[0]?.["n"];
const check = (database: ActorDatabase) => sql(database, "PRAGMA integrity_check")[0]?.["integrity_check"];

test("a database moves between nodes, and only newer pages are loaded", async (t) => {
  const schema = newSchema();
  const [a, b] = [
    await openStore(t, { url: server.url, schema }),
    await openStore(t, { url: server.url, schema }),
  ];
  const first = await born(a);
  fill(first.database, 400);
  await commit(first);
  first.database.close();

  const second = await takeOver(b, first.id);
  assert.equal(count(second.database), 400);
  const loaded = b.stats().pagesLoaded;
  assert.ok(loaded > 300, `${loaded} pages`);
  sql(second.database, "UPDATE item SET text = 'changed' WHERE id = 1");
  await commit(second);
  second.database.close();

  const third = await takeOver(a, first.id);
  assert.equal(sql(third.database, "SELECT text FROM item WHERE id = 1")[0]?.["text"], "changed");
  assert.equal(check(third.database), "ok");
  assert.ok(a.stats().pagesLoaded < 10, `${a.stats().pagesLoaded} pages`);
});

test("a node that owned the database last loads nothing", async (t) => {
  const schema = newSchema();
  const options: OpenOptions = { url: server.url, schema, cachePath: tempDirectory(t) };
  let store = await openStore(t, options);
  const owner = await born(store);
  fill(owner.database, 10);
  await commit(owner);
  await store.close();
  store = await openStore(t, options);
  assert.equal(count((await takeOver(store, owner.id)).database), 10);
  assert.equal(store.stats().pagesLoaded, 0);
});

test("a copy that was opened for an owner who never claimed it is kept, and closed when another node has written", async (t) => {
  const schema = newSchema();
  const options: OpenOptions = { url: server.url, schema, cachePath: tempDirectory(t) };
  const other = await openStore(t, { url: server.url, schema });
  let store = await openStore(t, options);
  const owner = await born(store);
  fill(owner.database, 400);
  await commit(owner);
  await store.close();

  store = await openStore(t, options);
  await store.acquire(owner.id);
  await store.close();
  store = await openStore(t, options);
  await store.acquire(owner.id);
  const second = await takeOver(other, owner.id);
  sql(second.database, "UPDATE item SET text = 'changed' WHERE id = 1");
  await commit(second);

  const third = await takeOver(store, owner.id);
  assert.equal(sql(third.database, "SELECT text FROM item WHERE id = 1")[0]?.["text"], "changed");
  assert.equal(check(third.database), "ok");
  assert.ok(store.stats().pagesLoaded < 10, `${store.stats().pagesLoaded} pages`);
});

test("the copy of a fenced owner is thrown away with the turn that it has and the truth has not", async (t) => {
  const schema = newSchema();
  const [a, b] = [
    await openStore(t, { url: server.url, schema }),
    await openStore(t, { url: server.url, schema }),
  ];
  const old = await born(a);
  const owner = await takeOver(b, old.id);
  sql(old.database, "INSERT INTO item (text) VALUES ('of the old owner')");
  await assert.rejects(commit(old), code("actor", "fenced"));
  assert.throws(() => sql(old.database, "SELECT 1"), code("actor", "fenced"));
  old.database.close();
  sql(owner.database, "INSERT INTO item (text) VALUES ('of the new owner')");
  await commit(owner);
  owner.database.close();
  const again = await takeOver(a, old.id);
  assert.deepEqual(sql(again.database, "SELECT text FROM item"), [{ text: "of the new owner" }]);
});

test("a failed turn leaves the database as before, also on the node that ran it", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url, retryForMs: 100 });
  const owner = await born(store);
  sql(owner.database, "INSERT INTO item (text) VALUES ('lost')");
  const turn = next(owner.id, 2, sqlTurn);
  const cut = proxy.cut(turn.commitId, "before");
  const rejected = assert.rejects(store.commit(turn), code("store", "indeterminate"));
  await cut;
  proxy.refuse(true);
  await rejected;
  assert.throws(() => sql(owner.database, "SELECT 1"), code("store", "indeterminate"));
  proxy.refuse(false);
  const again = await takeOver(store, owner.id);
  assert.equal(again.version, 1);
  assert.equal(count(again.database), 0);
});

test("a turn with SQL whose connection is cut is committed once, with its pages", async (t) => {
  for (const where of ["before", "after"] as const) {
    const proxy = await cuttingProxy(t, server.url);
    const schema = newSchema();
    const store = await openStore(t, { url: proxy.url, schema });
    const owner = await born(store);
    sql(owner.database, "INSERT INTO item (text) VALUES ('a')");
    const turn = next(owner.id, 2, sqlTurn);
    const cut = proxy.cut(turn.commitId, where);
    await Promise.all([store.commit(turn), cut]);
    sql(owner.database, "INSERT INTO item (text) VALUES ('b')");
    await store.commit(next(owner.id, 3, sqlTurn));
    const other = await openStore(t, { url: server.url, schema });
    const moved = await takeOver(other, owner.id);
    assert.deepEqual(sql(moved.database, "SELECT text FROM item"), [{ text: "a" }, { text: "b" }]);
  }
});

test("a database that shrinks shrinks on other nodes, and its pages are deleted", async (t) => {
  const schema = newSchema();
  const [a, b] = [
    await openStore(t, { url: server.url, schema }),
    await openStore(t, { url: server.url, schema }),
  ];
  const first = await born(a);
  fill(first.database, 300);
  await commit(first);
  first.database.close();
  const second = await takeOver(b, first.id);
  sql(second.database, "DELETE FROM item WHERE id > 3");
  await commit(second);
  sql(second.database, "VACUUM");
  await commit(second);
  second.database.close();
  const third = await takeOver(a, first.id);
  assert.equal(count(third.database), 3);
  assert.equal(check(third.database), "ok");
  const pages = Number(sql(third.database, "PRAGMA page_count")[0]?.["page_count"]);
  assert.ok(pages < 10, `${pages} pages`);
  const client = await session(t, server.url);
  const { rows } = await client.query(
    `SELECT count(*)::int AS n, max(page)::int AS last FROM ${schema}.page`,
  );
  assert.deepEqual(rows, [{ n: pages, last: pages }]);
});

test("turns after the local log has started over reach other nodes", async (t) => {
  const schema = newSchema();
  const [a, b] = [
    await openStore(t, { url: server.url, schema }),
    await openStore(t, { url: server.url, schema }),
  ];
  const owner = await born(a);
  // Each round passes the size at which the log is moved into the copy.
  for (let round = 1; round <= 3; round += 1) {
    fill(owner.database, 1_200);
    await commit(owner);
    for (let turn = 0; turn < 3; turn += 1) {
      fill(owner.database, 1);
      await commit(owner);
    }
  }
  owner.database.close();
  const moved = await takeOver(b, owner.id);
  assert.equal(count(moved.database), 3 * 1_203);
  assert.equal(check(moved.database), "ok");
});

test("random turns of SQL are the same on the node that ran them and on one that loads them", async (t) => {
  const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const schema = newSchema();
  const [a, b] = [
    await openStore(t, { url: server.url, schema }),
    await openStore(t, { url: server.url, schema }),
  ];
  let state = seed + 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let owner = await born(a);
  for (let round = 0; round < 40; round += 1) {
    for (let statement = random(6); statement > 0; statement -= 1) {
      const id = random(500);
      const text = "y".repeat(random(9_000));
      if (random(4) === 0) sql(owner.database, "DELETE FROM item WHERE id > ?", [id]);
      else sql(owner.database, "INSERT OR REPLACE INTO item (id, text) VALUES (?, ?)", [id, text]);
    }
    await commit(owner);
    if (random(8) === 0) {
      sql(owner.database, "VACUUM");
      await commit(owner);
    }
    if (random(3) > 0) continue;
    const before = sql(owner.database, "SELECT id, length(text) AS n FROM item ORDER BY id");
    if (random(2) === 0) owner.database.close();
    owner = await takeOver(owner.store === a ? b : a, owner.id);
    assert.deepEqual(sql(owner.database, "SELECT id, length(text) AS n FROM item ORDER BY id"), before);
    assert.equal(check(owner.database), "ok");
  }
});

test("a database beyond its limit fails the turn, and destroying removes copies and pages", async (t) => {
  const schema = newSchema();
  const cachePath = tempDirectory(t);
  const options = { url: server.url, schema, cachePath, maxActorDatabaseBytes: 200_000 };
  const store = await openStore(t, options);
  const owner = await born(store);
  assert.throws(() => fill(owner.database, 100), code("store", "full"));
  const again = await takeOver(store, owner.id);
  await store.commit(next(again.id, 2, { destroyedAt: 5 }, again.epoch));
  await store.close();
  const files = readdirSync(cachePath, { recursive: true }).map(String);
  assert.deepEqual(
    files.filter((name) => name.includes(Buffer.from(owner.id).toString("hex"))),
    [],
  );
  const client = await session(t, server.url);
  assert.deepEqual((await client.query(`SELECT 1 FROM ${schema}.page`)).rows, []);
  assert.ok(existsSync(cachePath));
});
