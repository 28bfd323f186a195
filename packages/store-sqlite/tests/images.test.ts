import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { exportActor, forkActor, type ImagePart } from "@holdfast/actors";
import { code, create, isPending, next, openStore, snapshot, tempDirectory } from "./support.ts";

test("an export that is cancelled after its first bytes leaves no copy", async (t) => {
  const path = tempDirectory(t);
  const store = await openStore(t, { path });
  await store.commit(create("a", snapshot(10)));
  const pieces = exportActor(store, "a");
  assert.equal((await pieces.next()).done, false);
  assert.equal(readdirSync(join(path, "scratch")).length, 1);
  await pieces.return(undefined);
  assert.deepEqual(readdirSync(join(path, "scratch")), []);
});

test("an export of an actor with a database that is cancelled early leaves no copy", async (t) => {
  const path = tempDirectory(t);
  const store = await openStore(t, { path });
  await store.databases.open("a", 1, true);
  await store.commit(create("a", { database: true, ...snapshot(10) }));
  const pieces = exportActor(store, "a");
  assert.equal((await pieces.next()).done, false);
  assert.equal(readdirSync(join(path, "scratch")).length, 1);
  await pieces.return(undefined);
  assert.deepEqual(readdirSync(join(path, "scratch")), []);
});

test("an export of an actor with a database contains only durable turns", async (t) => {
  let disk = Promise.resolve();
  const store = await openStore(t, { syncFile: { sync() {}, syncAsync: () => disk } });
  for (const id of ["a", "b"]) {
    await store.databases.open(id, 1, true);
    await store.commit(create(id, { database: true, ...snapshot(10) }));
  }
  const slow = Promise.withResolvers<void>();
  const taking = store.history.image("a");
  // The copy has been requested by then, but its thread has to start first.
  assert.equal(await isPending(taking), true);
  disk = slow.promise;
  const calls = ["x", "y"].map((key) => ({ key, status: "done" as const, expiresAt: 4_000_000_000_000 }));
  const committed = store.commit(next("a", 2, { ...snapshot(20), calls }));
  // The thread copies one file at a time.
  await store.history.image("b");
  assert.equal(await isPending(taking), true);
  slow.resolve();
  await committed;
  await taking;
});

test("an export of a running actor has the wake-up time of its snapshot", async (t) => {
  const store = await openStore(t);
  await store.databases.open("a", 1, true);
  await store.commit(create("a", { database: true, ...snapshot(10) }));
  const taking = store.history.image("a");
  // The copying thread has to start first, so the next turn is usually part of its copy.
  assert.equal(await isPending(taking), true);
  await store.commit(next("a", 2, { ...snapshot(20), wakeAt: 1_234 }));
  const { header, parts } = await taking;
  const first = await parts[Symbol.asyncIterator]().next();
  assert.ok(first.done !== true && first.value.type === "snapshot");
  const expected = first.value.bytes.length === 20 ? { version: 2, wakeAt: 1_234 } : { version: 1 };
  assert.deepEqual(header, { ...header, ...expected });
  assert.equal("wakeAt" in header, "wakeAt" in expected);
});

test("a failed fork leaves no copy", async (t) => {
  const path = tempDirectory(t);
  const store = await openStore(t, { path });
  await store.commit(create("a", snapshot(10)));
  const taken = forkActor(store, "a", { id: "a", name: "test", key: ["b"], createdAt: 1_700_000_000_000 });
  await assert.rejects(taken, code("actor", "duplicate_key"));
  assert.deepEqual(readdirSync(join(path, "scratch")), []);
});

test("an image that cannot be restored is closed", async (t) => {
  const store = await openStore(t);
  let ends = 0;
  const parts = async function* (): AsyncGenerator<ImagePart> {
    try {
      yield { type: "patch", bytes: Uint8Array.of(1) };
    } finally {
      ends++;
    }
  };
  const identity = { name: "test", key: ["b"], createdAt: 1_700_000_000_000 };
  const image = { header: { ...identity, version: 1, hasDatabase: false }, parts: parts() };
  await assert.rejects(
    store.history.restore(image, { id: "b", ...identity }),
    code("store", "invalid_import"),
  );
  assert.equal(ends, 1);
});

test("an export whose objects cannot be linked closes its reader of the store", async (t) => {
  const path = tempDirectory(t);
  const store = await openStore(t, { path });
  await store.commit(create("a", snapshot(10)));
  // A folder is not an object, and cannot be hard-linked.
  mkdirSync(join(path, "blobs", "61", "61", "0".repeat(64)), { recursive: true });
  await assert.rejects(store.history.image("a"), /EPERM/);
  await store.commit(next("a", 2, snapshot(10)));
  assert.equal(emptied(join(path, "actors.db")), true);
});

/** Whether a checkpoint can reset the log, which an open reader of an older snapshot prevents. */
function emptied(file: string): boolean {
  const database = new DatabaseSync(file);
  try {
    return database.prepare("PRAGMA wal_checkpoint(RESTART)").get()?.["busy"] === 0;
  } finally {
    database.close();
  }
}
