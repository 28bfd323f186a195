import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActorDatabase, ActorStore, SqlRow } from "@holdfast/actors";
import { create, next, openStore, snapshot } from "./support.ts";

const id = "actor-0000";

function run(database: ActorDatabase, sql: string): SqlRow[] {
  return database.prepare(sql)?.rows() ?? [];
}

const told = (database: ActorDatabase) =>
  run(database, "SELECT last_insert_rowid() AS row, changes() AS n")[0];

async function made(store: ActorStore, actorId = id): Promise<ActorDatabase> {
  const database = await store.databases.open(actorId, 1, true);
  run(database, "CREATE TABLE item (no INTEGER PRIMARY KEY, name TEXT)");
  await store.commit(create(actorId, { database: true, ...snapshot(8) }));
  return database;
}

/** A commit that writes to each of the store's own tables. */
const commit = (store: ActorStore, version: number) =>
  store.commit(
    next(id, version, {
      database: true,
      ...snapshot(16),
      kv: [{ type: "put", key: new Uint8Array([version]), value: new Uint8Array(1) }],
      calls: [{ key: `call-${version}`, status: "done", expiresAt: 9_000_000_000_000 }],
    }),
  );

describe("last_insert_rowid() and changes()", () => {
  test("return the values of the user's last statement, whatever the store has written since", async (t) => {
    const store = await openStore(t);
    const database = await made(store);
    assert.deepEqual(told(database), { row: 0, n: 0 });
    run(database, "INSERT INTO item VALUES (500, 'a'), (501, 'b'), (502, 'c')");
    await commit(store, 2);
    assert.deepEqual(told(database), { row: 502, n: 3 });
    await commit(store, 3);
    await commit(store, 4);
    assert.deepEqual(told(database), { row: 502, n: 3 }, "asked twice");
    run(database, "UPDATE item SET name = 'd' WHERE no > 500");
    await commit(store, 5);
    assert.deepEqual(told(database), { row: 502, n: 2 }, "an update leaves the row id alone");
    run(database, "INSERT OR IGNORE INTO item VALUES (500, 'e')");
    assert.deepEqual(told(database), { row: 502, n: 0 }, "an insert that inserts nothing");
    await commit(store, 6);
    run(database, "INSERT INTO item VALUES (last_insert_rowid() + 1, 'f')");
    assert.deepEqual(told(database), { row: 503, n: 1 });
  });

  test("are right in triggers, after statements that change nothing, and after a rollback", async (t) => {
    const store = await openStore(t);
    const database = await made(store);
    run(database, "CREATE TABLE seen (row INTEGER, n INTEGER)");
    run(
      database,
      `CREATE TRIGGER look AFTER DELETE ON item BEGIN
        INSERT INTO seen VALUES (last_insert_rowid(), changes()); END`,
    );
    run(database, "INSERT INTO item VALUES (7, 'a'), (8, 'b')");
    await commit(store, 2);
    run(database, "CREATE TABLE other (a)");
    assert.deepEqual(told(database), { row: 8, n: 2 });
    await commit(store, 3);
    run(database, "DELETE FROM item WHERE no = 7");
    assert.deepEqual(run(database, "SELECT * FROM seen"), [{ row: 8, n: 2 }]);
    await commit(store, 4);
    database.savepoint("undone");
    run(database, "INSERT INTO other VALUES (1)");
    database.rollback("undone");
    run(database, "INSERT INTO item VALUES (9, 'c')");
    await commit(store, 5);
    assert.deepEqual(told(database), { row: 9, n: 1 });
  });

  test("survive a reopened connection, but not a new owner", async (t) => {
    const store = await openStore(t, { maxOpenFiles: 1 });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (41, 'a'), (42, 'b')");
    await commit(store, 2);
    await made(store, "actor-0001");
    assert.equal(store.stats().openFiles, 1, "the file of the first was closed");
    assert.deepEqual(told(database), { row: 42, n: 2 });
    database.close();
    const { record } = await store.acquire(id);
    const again = await store.databases.open(id, record.epoch, false);
    assert.deepEqual(told(again), { row: 0, n: 0 });
  });
});
