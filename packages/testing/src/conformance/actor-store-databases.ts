import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorDatabase, ActorStore, SqlParameters, SqlRow } from "@holdfast/actors";
import type { Suite } from "./actor-store-suite.ts";
import {
  type BatchChanges,
  bytes,
  code,
  create,
  newActor,
  next,
  patch,
  snapshot,
  type TestActor,
} from "./batches.ts";

const sqlTurn = { database: true } as const;

function run(database: ActorDatabase, sql: string, parameters?: SqlParameters): SqlRow[] {
  const statement = database.prepare(sql);
  if (statement === undefined) throw new Error("There is no statement");
  return statement.rows(parameters);
}

const names = (database: ActorDatabase) =>
  run(database, "SELECT name FROM item ORDER BY id").map((row) => row["name"]);

interface Owned {
  readonly actor: TestActor;
  readonly database: ActorDatabase;
}

/** An actor with a table that has one row. */
async function withDatabase(store: ActorStore, changes: BatchChanges = {}): Promise<Owned> {
  const actor = newActor();
  const database = await store.databases.open(actor.id, 1, true);
  run(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
  run(database, "INSERT INTO item (name) VALUES (?)", ["first"]);
  await store.commit(create(actor, { ...sqlTurn, ...changes }));
  return { actor, database };
}

/** A new owner of the actor, with its database. */
async function takeOver(store: ActorStore, id: string) {
  const loaded = await store.acquire(id);
  const database = await store.databases.open(id, loaded.record.epoch, false);
  return { loaded, database, epoch: loaded.record.epoch, version: loaded.record.version };
}

/** Conformance cases for the SQLite databases of actors. */
export function databaseCases(suite: Suite): void {
  test("a commit covers the database as well as state, entries, calls and wake-up", async () => {
    const call = {
      key: "k",
      status: "done",
      outcome: bytes("r"),
      expiresAt: suite.clock.now() + 9_000,
    } as const;
    const kv = [{ type: "put", key: bytes("a"), value: bytes("b") }] as const;
    const { actor, database } = await withDatabase(suite.store(), {
      ...snapshot("s"),
      kv,
      calls: [call],
      wakeAt: 77,
    });
    await suite.store().commit(next(actor.id, 2, 1, patch("p")));
    database.close();
    const store = await suite.reopen();
    const taken = await takeOver(store, actor.id);
    assert.equal(taken.loaded.hasDatabase, true);
    assert.deepEqual(taken.loaded.state, { snapshot: bytes("s"), patches: [bytes("p")] });
    assert.equal(taken.version, 2);
    assert.equal(taken.epoch, 2);
    assert.equal(taken.loaded.record.wakeAt, 77);
    assert.deepEqual(names(taken.database), ["first"]);
    assert.deepEqual(await store.kvGet(actor.id, bytes("a")), bytes("b"));
    assert.deepEqual(await store.kvList(actor.id, { start: new Uint8Array(), limit: 9 }), [
      { key: bytes("a"), value: bytes("b") },
    ]);
    assert.deepEqual(await store.call(actor.id, "k"), call);
    assert.equal((await store.find(actor.name, actor.key))?.id, actor.id);
    assert.equal(
      (await store.due(77, 1_000)).actors.some(({ id }) => id === actor.id),
      true,
    );
    await store.commit(next(actor.id, 3, 2, { wakeAt: null }));
    assert.equal(
      (await store.due(77, 1_000)).actors.some(({ id }) => id === actor.id),
      false,
    );
  });

  test("uncommitted SQL is rolled back for the next owner", async () => {
    const store = suite.store();
    const { actor, database } = await withDatabase(store);
    run(database, "INSERT INTO item (name) VALUES ('lost')");
    const taken = await takeOver(store, actor.id);
    assert.deepEqual(names(taken.database), ["first"]);
    assert.throws(() => run(database, "SELECT 1"), code("actor", "fenced"));
    await assert.rejects(store.commit(next(actor.id, 2, 1, sqlTurn)), code("actor", "fenced"));
    run(taken.database, "INSERT INTO item (name) VALUES ('second')");
    await store.commit(next(actor.id, 2, 2, sqlTurn));
    assert.deepEqual(names(taken.database), ["first", "second"]);
  });

  test("connection settings do not survive their owner", async () => {
    const store = suite.store();
    const { actor, database } = await withDatabase(store);
    run(database, "PRAGMA foreign_keys = OFF");
    await store.commit(next(actor.id, 2, 1, sqlTurn));
    database.close();
    const taken = await takeOver(store, actor.id);
    assert.deepEqual(run(taken.database, "PRAGMA foreign_keys"), [{ foreign_keys: 1 }]);
    assert.deepEqual(names(taken.database), ["first"]);
  });

  test("a commit of a wrong version rolls back nothing of the owner's turn", async () => {
    const store = suite.store();
    const { actor, database } = await withDatabase(store);
    run(database, "INSERT INTO item (name) VALUES ('open')");
    await assert.rejects(store.commit(next(actor.id, 9, 1, sqlTurn)), code("actor", "fenced"));
    assert.deepEqual(names(database), ["first", "open"]);
    await store.commit(next(actor.id, 2, 1, sqlTurn));
  });

  test("an actor that was never committed leaves no data", async () => {
    const actor = newActor();
    const database = await suite.store().databases.open(actor.id, 1, true);
    run(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)");
    assert.equal(database.settle(), true);
    database.close();
    const store = await suite.reopen();
    assert.equal(await store.get(actor.id), undefined);
    const again = await store.databases.open(actor.id, 1, true);
    assert.throws(() => names(again), /no such table/);
    again.close();
  });

  test("after its first commit a database settles only with commits", async () => {
    const store = suite.store();
    const actor = newActor();
    const database = await store.databases.open(actor.id, 1, true);
    run(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)");
    assert.equal(database.settle(), true);
    run(database, "INSERT INTO item (name) VALUES ('first')");
    const commit = store.commit(create(actor, sqlTurn));
    run(database, "INSERT INTO item (name) VALUES ('of the next turn')");
    assert.equal(database.settle(), false);
    await commit;
    assert.deepEqual(names((await takeOver(store, actor.id)).database), ["first"]);
  });

  test("the second of two creations with one key leaves no database", async () => {
    const store = suite.store();
    const { actor } = await withDatabase(store);
    const other = newActor(actor.name, actor.key);
    const database = await store.databases.open(other.id, 1, true);
    run(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)");
    await assert.rejects(store.commit(create(other, sqlTurn)), code("actor", "duplicate_key"));
    assert.equal(await store.get(other.id), undefined);
    assert.equal((await store.find(actor.name, actor.key))?.id, actor.id);
  });

  test("destroying an actor deletes its database", async () => {
    const { actor } = await withDatabase(suite.store(), { ...snapshot("s"), wakeAt: 5 });
    await suite.store().commit(next(actor.id, 2, 1, { destroyedAt: 99 }));
    await assert.rejects(suite.store().commit(next(actor.id, 3, 1, sqlTurn)), code("actor", "fenced"));
    const store = await suite.reopen();
    assert.equal((await store.get(actor.id))?.destroyedAt, 99);
    assert.equal(await store.find(actor.name, actor.key), undefined);
    await assert.rejects(store.acquire(actor.id), code("actor", "not_found"));
    await assert.rejects(store.databases.open(actor.id, 1, false), code("actor", "not_found"));
  });

  test("one commit can create and destroy an actor with a database", async () => {
    const store = suite.store();
    const actor = newActor();
    run(await store.databases.open(actor.id, 1, true), "CREATE TABLE item (id INTEGER PRIMARY KEY)");
    await store.commit(create(actor, { ...sqlTurn, ...snapshot("s"), wakeAt: 5, destroyedAt: 99 }));
    await assert.rejects(store.commit(next(actor.id, 2, 1, sqlTurn)), code("actor", "fenced"));
    // The key is free for another actor.
    const second = newActor(actor.name, actor.key);
    run(await store.databases.open(second.id, 1, true), "CREATE TABLE item (id INTEGER PRIMARY KEY)");
    await store.commit(create(second, sqlTurn));
    const reopened = await suite.reopen();
    assert.equal((await reopened.get(actor.id))?.destroyedAt, 99);
    assert.equal((await reopened.find(actor.name, actor.key))?.id, second.id);
    await assert.rejects(reopened.acquire(actor.id), code("actor", "not_found"));
    await assert.rejects(reopened.databases.open(actor.id, 1, false), code("actor", "not_found"));
  });

  test("an actor without a database gets an empty one, and keeps its other data", async () => {
    const call = { key: "k", status: "done", expiresAt: suite.clock.now() + 9_000 } as const;
    const actor = newActor();
    const kv = [{ type: "put", key: bytes("a"), value: bytes("b") }] as const;
    await suite.store().commit(create(actor, { ...snapshot("s"), kv, calls: [call], wakeAt: 12 }));
    await suite.store().commit(next(actor.id, 2, 1, patch("p")));
    const taken = await takeOver(suite.store(), actor.id);
    assert.throws(() => names(taken.database), /no such table/);
    run(taken.database, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)");
    await suite.store().commit(next(actor.id, 3, 2, { ...sqlTurn, ...patch("q") }));
    const store = await suite.reopen();
    const again = await takeOver(store, actor.id);
    assert.deepEqual(names(again.database), []);
    assert.deepEqual(again.loaded.state, { snapshot: bytes("s"), patches: [bytes("p"), bytes("q")] });
    assert.equal(again.loaded.record.wakeAt, 12);
    assert.deepEqual(await store.kvGet(actor.id, bytes("a")), bytes("b"));
    assert.deepEqual(await store.call(actor.id, "k"), call);
  });

  statementCases(suite);
}

function statementCases(suite: Suite): void {
  test("statements report their kind and the rest of their text", async () => {
    const { database } = await withDatabase(suite.store());
    const kinds: readonly (readonly [sql: string, kind: string])[] = [
      ["SELECT 1", "read"],
      ["WITH a AS (SELECT 1) SELECT * FROM a", "read"],
      ["PRAGMA table_info(item)", "read"],
      ["PRAGMA user_version", "read"],
      ["PRAGMA user_version = 3", "write"],
      ["INSERT INTO item (name) VALUES ('x') RETURNING id", "write"],
      ["CREATE TEMP TABLE t (a)", "write"],
      ["SAVEPOINT mine", "write"],
      ["BEGIN IMMEDIATE", "begin"],
      ["COMMIT", "commit"],
      ["END", "commit"],
      ["ROLLBACK", "rollback"],
      ["PRAGMA foreign_keys = ON", "alone"],
      ["/* a */ vacuum", "alone"],
    ];
    for (const [sql, kind] of kinds) assert.equal(database.prepare(sql)?.kind, kind, sql);
    assert.equal(database.prepare("SELECT ';' ; -- c\n SELECT 2")?.rest, "SELECT 2");
    assert.equal(database.prepare("; -- nothing\n /* at all */"), undefined);
  });

  test("a savepoint rolls back only what was written after it", async () => {
    const store = suite.store();
    const { actor, database } = await withDatabase(store);
    run(database, "INSERT INTO item (name) VALUES ('before')");
    database.savepoint("a");
    run(database, "INSERT INTO item (name) VALUES ('inside')");
    database.savepoint("b");
    run(database, "DELETE FROM item");
    database.rollback("b");
    assert.deepEqual(names(database), ["first", "before", "inside"]);
    database.rollback("a");
    database.savepoint("c");
    run(database, "INSERT INTO item (name) VALUES ('kept')");
    database.release("c");
    await store.commit(next(actor.id, 2, 1, sqlTurn));
    assert.equal(database.inTransaction, false);
    database.savepoint("d");
    database.release("d");
    assert.equal(database.inTransaction, false);
    assert.deepEqual(names(database), ["first", "before", "kept"]);
  });

  test("the commit fails after SQL that rolls back the whole transaction", async () => {
    const store = suite.store();
    const { actor, database } = await withDatabase(store);
    run(database, "INSERT INTO item (name) VALUES ('lost')");
    assert.throws(() => run(database, "INSERT OR ROLLBACK INTO item (name) VALUES ('first')"), /UNIQUE/);
    assert.throws(() => run(database, "SELECT 1"), code("db", "transaction_lost"));
    await assert.rejects(store.commit(next(actor.id, 2, 1, sqlTurn)), code("db", "transaction_lost"));
    const taken = await takeOver(store, actor.id);
    assert.equal(taken.version, 1);
    assert.deepEqual(names(taken.database), ["first"]);
  });

  test("integers beyond 2^53 are bigints in reads and in results of writes", async () => {
    const { database } = await withDatabase(suite.store());
    const big = 2n ** 60n;
    assert.deepEqual(run(database, "SELECT ? AS a, 1 AS b", [big]), [{ a: big, b: 1 }]);
    assert.deepEqual(
      run(database, "INSERT INTO item (id, name) VALUES (?, 'x') RETURNING id, 7 AS n", [big]),
      [{ id: big, n: 7 }],
    );
    assert.deepEqual(database.prepare("SELECT id, name FROM item ORDER BY id")?.values(), [
      [1, "first"],
      [big, "x"],
    ]);
  });

  test("a turn of ten megabytes is one commit", async () => {
    const { actor, database } = await withDatabase(suite.store());
    run(database, "CREATE TABLE big (bytes BLOB)");
    for (let row = 0; row < 10; row++) run(database, "INSERT INTO big VALUES (zeroblob(1048576))");
    await suite.store().commit(next(actor.id, 2, 1, sqlTurn));
    database.close();
    const taken = await takeOver(await suite.reopen(), actor.id);
    assert.deepEqual(run(taken.database, "SELECT sum(length(bytes)) AS n FROM big"), [{ n: 10 * 1_048_576 }]);
  });
}
