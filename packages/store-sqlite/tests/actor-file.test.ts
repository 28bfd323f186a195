import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import { type ActorDatabase, type ActorStore, blobReferencePrefix, type SqlRow } from "@holdfast/actors";
import { createLogger, systemPorts } from "@holdfast/core";
import { code, create, integrity, next, openStore, snapshot, tempDirectory } from "./support.ts";

const ids = Array.from({ length: 8 }, (_, at) => `actor-000${at}`);
const id = "actor-0000";

function run(database: ActorDatabase, sql: string): SqlRow[] {
  return database.prepare(sql)?.rows() ?? [];
}

function fileOf(path: string, actorId: string): string {
  return join(path, "databases", actorId.slice(-2), `${actorId}.db`);
}

async function made(store: ActorStore, actorId = id): Promise<ActorDatabase> {
  const database = await store.databases.open(actorId, 1, true);
  run(database, "CREATE TABLE item (n INTEGER)");
  await store.commit(create(actorId, { database: true }));
  return database;
}

async function reopened(store: ActorStore, actorId = id) {
  const { record } = await store.acquire(actorId);
  return { record, database: await store.databases.open(actorId, record.epoch, false) };
}

const count = (database: ActorDatabase) => run(database, "SELECT count(*) AS n FROM item")[0]?.["n"];

/** Copies the current files, as a process killed at this moment would leave them. */
function crashCopy(t: TestContext, path: string): string {
  const copy = tempDirectory(t);
  // By another process: closing the files in this one would drop the store's locks.
  execFileSync("cp", ["-r", `${path}/.`, copy]);
  return copy;
}

/** Number of files that the next start has to repair after a crash. */
function marked(path: string): unknown {
  const reader = new DatabaseSync(join(path, "actors.db"), { readOnly: true });
  try {
    return reader.prepare("SELECT count(*) AS n FROM actor_file WHERE is_open = 1").get()?.["n"];
  } finally {
    reader.close();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("the file of an actor", () => {
  test("is closed with an empty log when the actor sleeps, and reopened when it wakes", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (1)");
    await store.commit(next(id, 2, { database: true }));
    assert.equal(store.stats().openFiles, 1);
    database.close();
    await until(() => store.stats().openFiles === 0);
    assert.equal(existsSync(`${fileOf(path, id)}-wal`), false);
    assert.equal(integrity(fileOf(path, id)), "ok");
    const again = await reopened(store);
    assert.equal(count(again.database), 1);
    assert.equal(again.record.version, 2);
  });

  test("prepares statements that report their columns and share one hidden class, also standalone ones", async (t) => {
    const database = await made(await openStore(t, { path: tempDirectory(t) }));
    const read = database.prepare("SELECT 1 AS a, 2 AS b");
    assert.deepEqual(read?.columns, ["a", "b"]);
    assert.equal(Object.hasOwn(read, "columns"), false);
    const alone = database.prepare("PRAGMA foreign_keys = ON");
    assert.deepEqual([alone?.kind, alone?.columns, alone?.rest], ["alone", [], ""]);
  });

  test("lets no trigger write to the store's tables, also if the statement was compiled before it", async (t) => {
    const database = await made(await openStore(t));
    const insert = "INSERT INTO item VALUES (1)";
    run(database, insert);
    run(database, "CREATE TRIGGER own AFTER INSERT ON item BEGIN DELETE FROM _holdfast_actor; END");
    assert.throws(() => run(database, insert), code("db", "reserved"));
    assert.equal(count(database), 1);
    run(database, "DROP TRIGGER own");
    run(database, insert);
    assert.equal(count(database), 2);
  });

  test("cannot attach another database, whatever its name", async (t) => {
    const database = await made(await openStore(t));
    assert.throws(() => run(database, "ATTACH '' AS vacuum_db"), code("db", "not_allowed"));
    run(database, "VACUUM");
    assert.equal(count(database), 0);
  });

  test("keeps a user's pragmas from the next owner", async (t) => {
    const database = await made(await openStore(t));
    for (const pragma of ["hard_heap_limit", "soft_heap_limit", "full_column_names", "short_column_names"]) {
      assert.throws(() => run(database, `PRAGMA ${pragma} = 1000000000`), code("db", "not_allowed"), pragma);
    }
    assert.equal(count(database), 0);
  });

  test("is closed again after a read without an owner", async (t) => {
    const store = await openStore(t);
    const database = await made(store);
    await store.commit(
      next(id, 2, { kv: [{ type: "put", key: Uint8Array.of(1), value: Uint8Array.of(2) }] }),
    );
    database.close();
    await until(() => store.stats().openFiles === 0);
    assert.deepEqual(await store.kvGet(id, Uint8Array.of(1)), Uint8Array.of(2));
    assert.equal(store.stats().openFiles, 1);
    await until(() => store.stats().openFiles === 0);
  });

  test("that is not open accepts no commit, and neither does its row", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await store.close();
    const again = await openStore(t, { path });
    await assert.rejects(again.commit(next(id, 2, { database: true })), code("actor", "fenced"));
    assert.equal((await reopened(again)).record.version, 1);
  });

  test("that is opened again while it is being closed stays open", async (t) => {
    const store = await openStore(t);
    const database = await made(store);
    database.close();
    const again = await reopened(store);
    run(again.database, "INSERT INTO item VALUES (1)");
    for (let rounds = 0; rounds < 50; rounds++) await new Promise((resolve) => setImmediate(resolve));
    await store.commit({ ...next(id, 2, { database: true }), epoch: 2 });
    assert.equal(count(again.database), 1);
    assert.equal(store.stats().openFiles, 1);
  });

  test("at most the limit are open at a time, and all of them can be used", async (t) => {
    const store = await openStore(t, { maxOpenFiles: 3 });
    const databases = new Map<string, ActorDatabase>();
    for (const each of ids) databases.set(each, await made(store, each));
    for (const database of databases.values()) run(database, "PRAGMA foreign_keys = ON");
    for (let round = 0; round < 5; round++) {
      for (const [each, database] of databases) {
        run(database, `INSERT INTO item VALUES (${round})`);
        await store.commit(next(each, 2 + round, { database: true }));
        assert.ok(store.stats().openFiles <= 3, `${store.stats().openFiles} are open`);
      }
    }
    for (const database of databases.values()) {
      assert.equal(count(database), 5);
      assert.deepEqual(run(database, "PRAGMA foreign_keys"), [{ foreign_keys: 1 }]);
    }
  });

  test("at most the limit are open if actors wake and only read", async (t) => {
    const store = await openStore(t, { maxOpenFiles: 3 });
    for (const each of ids) (await made(store, each)).close();
    await until(() => store.stats().openFiles === 0);
    for (const each of ids) {
      assert.equal(count((await reopened(store, each)).database), 0);
      assert.ok(store.stats().openFiles <= 3, `${store.stats().openFiles} are open`);
    }
  });

  test("that was closed to stay within the limit is clean after its actor sleeps", {
    timeout: 20_000,
  }, async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, maxOpenFiles: 1 });
    const [first, second] = [await made(store), await made(store, "actor-0001")];
    assert.equal(store.stats().openFiles, 1);
    assert.equal(marked(path), 2);
    first.close();
    second.close();
    await until(() => marked(path) === 0);
  });

  test("is clean after its owner and a reader release it at the same time", {
    timeout: 20_000,
  }, async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, syncFile: { sync() {}, async syncAsync() {} } });
    (await made(store)).close();
    await until(() => marked(path) === 0);
    await store.kvGet(id, Uint8Array.of(1));
    // The owner opens and releases the file while the thread closes it for the reader.
    (await reopened(store)).database.close();
    await until(() => marked(path) === 0);
    assert.equal(store.stats().openFiles, 0);
  });

  test("stays marked as open for a new owner while the previous one is released", async (t) => {
    const path = tempDirectory(t);
    let disk = Promise.resolve();
    const store = await openStore(t, { path, syncFile: { sync() {}, syncAsync: () => disk } });
    const database = await made(store);
    const slow = Promise.withResolvers<void>();
    disk = slow.promise;
    database.close();
    const acquiring = store.acquire(id);
    await until(() => store.stats().openFiles === 0);
    slow.resolve();
    const { record } = await acquiring;
    await store.databases.open(id, record.epoch, false);
    await store.commit(create("plain"));
    assert.equal(marked(path), 1);
  });

  test("is removed when the actor is destroyed or was never created", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await store.commit(next(id, 2, { destroyedAt: 1 }));
    await until(() => !existsSync(fileOf(path, id)));
    const other = await store.databases.open("actor-0001", 1, true);
    other.close();
    await until(() => !existsSync(fileOf(path, "actor-0001")));
    assert.equal(store.stats().openFiles, 0);
  });

  test("is not recreated by a checkpoint that runs while its actor is destroyed", async (t) => {
    const path = tempDirectory(t);
    const told: string[] = [];
    const ports = systemPorts(createLogger("warn", ({ message }) => void told.push(message)));
    const store = await openStore(t, { path, ports });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (zeroblob(10485760))");
    await store.commit(next(id, 2, { database: true }));
    await store.commit(next(id, 3, { destroyedAt: 1 }));
    await store.close();
    assert.equal(existsSync(fileOf(path, id)), false);
    assert.deepEqual(told, []);
  });

  test("large turns keep the log within its limit", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const database = await made(store);
    run(database, "CREATE TABLE big (bytes BLOB)");
    for (let version = 2; version < 8; version++) {
      run(database, "INSERT INTO big VALUES (zeroblob(10485760))");
      await store.commit(next(id, version, { database: true }));
    }
    run(database, "DELETE FROM big");
    await store.commit(next(id, 8, { database: true }));
    run(database, "VACUUM");
    await store.commit(next(id, 9, { database: true }));
    await store.close();
    assert.equal(integrity(fileOf(path, id)), "ok");
  });

  test("that is full fails the turn, and the actor continues", async (t) => {
    const store = await openStore(t, { maxActorDatabaseBytes: 1_048_576 });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (1)");
    assert.throws(() => run(database, "INSERT INTO item VALUES (zeroblob(2097152))"), code("store", "full"));
    await store
      .commit(next(id, 2, { database: true }))
      .then(() => assert.equal(count(database), 1), code("store", "full"));
    const again = await reopened(store);
    run(again.database, "DELETE FROM item");
    await store.commit({ ...next(id, again.record.version + 1, { database: true }), epoch: 2 });
    assert.equal(count(again.database), 0);
  });

  test("whose sync failed accepts no more commits, and other actors continue", async (t) => {
    let failing = false;
    const sync = () => {
      if (failing) throw new Error("EIO: i/o error, fdatasync");
    };
    const syncFile = { sync, syncAsync: async () => sync() };
    const path = tempDirectory(t);
    const store = await openStore(t, { path, syncFile });
    const database = await made(store);
    await store.commit(create("plain"));
    run(database, "INSERT INTO item VALUES (1)");
    failing = true;
    await assert.rejects(store.commit(next(id, 2, { database: true })), code("store", "indeterminate"));
    failing = false;
    assert.throws(() => count(database), code("store", "failed"));
    await assert.rejects(store.commit(next(id, 3)), code("store", "failed"));
    await store.commit(next("plain", 2));
    await store.close();
    const again = await openStore(t, { path });
    const { record } = await again.acquire(id);
    assert.ok(record.version === 1 || record.version === 2);
  });
});

describe("after a crash", () => {
  test("wake-up times are read from the files that were open", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await store.commit(next(id, 2, { wakeAt: 1_234 }));
    const copy = crashCopy(t, path);
    const shared = new DatabaseSync(join(copy, "actors.db"));
    shared.exec("UPDATE actor SET wake_at = NULL");
    shared.close();
    const again = await openStore(t, { path: copy });
    assert.deepEqual(
      (await again.due(2_000, 10)).actors.map((actor) => [actor.id, actor.wakeAt]),
      [[id, 1_234]],
    );
    assert.equal((await reopened(again)).record.version, 2);
  });

  test("committed turns are there, and uncommitted ones are not", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (1)");
    await store.commit(next(id, 2, { database: true, ...snapshot(10) }));
    run(database, "INSERT INTO item VALUES (2)");
    const again = await openStore(t, { path: crashCopy(t, path) });
    const taken = await reopened(again);
    assert.equal(count(taken.database), 1);
    assert.equal(taken.record.version, 2);
  });

  test("files of actors that were never created or were destroyed are removed", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await made(store, "actor-0001");
    const unborn = await store.databases.open("actor-0002", 1, true);
    run(unborn, "CREATE TABLE item (n)");
    unborn.settle();
    await store.databases.open("Odd id, with / in it", 1, true);
    const copy = crashCopy(t, path);
    const shared = new DatabaseSync(join(copy, "actors.db"));
    shared.exec("UPDATE actor SET destroyed_at = 5 WHERE id = 'actor-0001'");
    shared.close();
    const again = await openStore(t, { path: copy });
    const left = readdirSync(join(copy, "databases"), { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      left.filter((name) => name.endsWith(".db")).map((name) => name.split("/").at(-1)),
      [`${id}.db`],
    );
    assert.equal(count((await reopened(again)).database), 0);
  });

  test("a file that cannot be read is kept, also if its name does not contain the id of its actor", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const odd = "Odd id, with / in it";
    await made(store, odd);
    const copy = crashCopy(t, path);
    const names = readdirSync(join(copy, "databases"), { recursive: true, encoding: "utf8" });
    const file = join(copy, "databases", names.find((name) => name.endsWith(".db")) ?? "");
    rmSync(`${file}-wal`);
    writeFileSync(file, "damaged");
    const again = await openStore(t, { path: copy });
    await assert.rejects(again.acquire(odd), code("store", "corrupt"));
    assert.equal(existsSync(file), true);
  });

  test("foreign files in the store's directories do not prevent its start", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    const copy = crashCopy(t, path);
    mkdirSync(join(copy, "blobs"));
    for (const folder of ["databases", "blobs"]) writeFileSync(join(copy, folder, ".DS_Store"), "");
    const again = await openStore(t, { path: copy });
    assert.equal(count((await reopened(again)).database), 0);
  });

  test("objects without references are removed", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await store.commit(create("plain-00"));
    const put = async (actorId: string, text: string) =>
      store.blobs.put(
        actorId,
        (async function* () {
          yield new TextEncoder().encode(text);
        })(),
        100,
      );
    const refer = (hash: string) => ({
      kv: [{ type: "put", key: blobReferencePrefix(hash), value: new Uint8Array(1) } as const],
    });
    for (const actorId of [id, "plain-00"]) {
      const kept = await put(actorId, "kept");
      await store.commit(next(actorId, 2, refer(kept.hash)));
      await put(actorId, "never referred to");
    }
    await put("never-made", "x");
    const again = await openStore(t, { path: crashCopy(t, path) });
    for (const actorId of [id, "plain-00"]) assert.equal((await again.blobs.list(actorId)).length, 1);
    assert.deepEqual(await again.blobs.list("never-made"), []);
  });

  test("a missing file prevents only its own actor from waking", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await made(store);
    await store.commit(create("plain"));
    const { hash } = await store.blobs.put(
      id,
      (async function* () {
        yield new TextEncoder().encode("object");
      })(),
      100,
    );
    const copy = crashCopy(t, path);
    execFileSync("rm", ["-r", join(copy, "databases")]);
    const again = await openStore(t, { path: copy });
    await assert.rejects(again.acquire(id), code("store", "corrupt"));
    await again.acquire("plain");
    // Whether the file referred to it is unknown.
    assert.deepEqual(await again.blobs.list(id), [hash]);
  });
});

describe("a backup", () => {
  test("has the files and objects of actors, and opens like any store", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const database = await made(store);
    run(database, "INSERT INTO item VALUES (1)");
    const object = await store.blobs.put(
      id,
      (async function* () {
        yield new TextEncoder().encode("object");
      })(),
      100,
    );
    const kv = [{ type: "put", key: blobReferencePrefix(object.hash), value: new Uint8Array(1) } as const];
    await store.commit(next(id, 2, { database: true, kv, wakeAt: 77 }));
    const sleeping = await made(store, "actor-0001");
    sleeping.close();
    await until(() => store.stats().openFiles === 1);
    run(database, "INSERT INTO item VALUES (2)");
    const target = join(tempDirectory(t), "copy");
    await store.backup(target);
    await store.commit(next(id, 3, { database: true }));

    const restored = await openStore(t, { path: target });
    const taken = await reopened(restored);
    assert.equal(count(taken.database), 1);
    assert.equal(taken.record.wakeAt, 77);
    assert.deepEqual(await restored.blobs.list(id), [object.hash]);
    assert.equal(count((await reopened(restored, "actor-0001")).database), 0);
  });

  test("that was interrupted can be repeated in the same directory", async (t) => {
    const store = await openStore(t);
    const database = await made(store);
    const target = join(tempDirectory(t), "copy");
    const { file } = await store.backup(target);
    // The state before a backup gets its name.
    rmSync(file);
    run(database, "INSERT INTO item VALUES (1)");
    await store.commit(next(id, 2, { database: true }));
    await store.backup(target);
    const restored = await openStore(t, { path: target });
    assert.equal(count((await reopened(restored)).database), 1);
  });
});
