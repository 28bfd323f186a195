import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  type ActorStore,
  blobReferencePrefix,
  exportActor,
  forkActor,
  importActor,
  type KvOperation,
} from "@holdfast/actors";
import { type ActorKey, encodeValue } from "@holdfast/core";
import type { Suite } from "./actor-store-suite.ts";
import { bytes, code, create, created, newActor, next } from "./batches.ts";

async function* pieces(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield bytes(part);
}

async function collected(source: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source ?? []) parts.push(part);
  return Buffer.concat(parts);
}

/** Small chunks of arbitrary size, as from a network. */
async function* cut(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

function identity(key: ActorKey = [randomUUID()]) {
  return { ...newActor(`copy-${randomUUID()}`, key), createdAt: 1_700_000_000_000 };
}

const reference = (hash: string): KvOperation => ({
  type: "put",
  key: Uint8Array.from([...blobReferencePrefix(hash), 0]),
  value: bytes("x"),
});

const snapshotOf = (value: unknown) => ({ state: { type: "snapshot", bytes: encodeValue(value) } }) as const;

/** Conformance cases for blobs, and for the history and copies of actors. */
export function historyCases(suite: Suite): void {
  test("blobs are stored by content hash, read in ranges, and removed", async () => {
    const actor = await created(suite.store());
    const hash = createHash("sha256").update("hello world").digest("hex");
    assert.deepEqual(await suite.store().blobs.put(actor.id, pieces("hello", " world"), 11), {
      hash,
      size: 11,
    });
    assert.deepEqual(await suite.store().blobs.put(actor.id, pieces("hello world"), 11), { hash, size: 11 });
    await assert.rejects(
      suite.store().blobs.put(actor.id, pieces("hello", " world!"), 11),
      code("store", "blob_too_large"),
    );
    await suite.store().commit(next(actor.id, 2, 1, { kv: [reference(hash)] }));
    const store = await suite.reopen();
    assert.deepEqual(await store.blobs.list(actor.id), [hash]);
    const part = await store.blobs.read(actor.id, hash, { start: 3, end: 8 });
    assert.equal((await collected(part)).toString(), "lo wo");
    assert.equal((await collected(await store.blobs.read(actor.id, hash, { start: 4, end: 4 }))).length, 0);
    assert.equal(await store.blobs.read(newActor().id, hash, { start: 0, end: 1 }), undefined);
    store.blobs.remove(actor.id, hash);
    assert.equal(await store.blobs.read(actor.id, hash, { start: 0, end: 1 }), undefined);
  });

  test("blobs are deleted with their actor", async () => {
    const store = suite.store();
    const actor = await created(store);
    await store.blobs.put(actor.id, pieces("gone"), 10);
    await store.commit(next(actor.id, 2, 1, { destroyedAt: 5 }));
    assert.deepEqual(await store.blobs.list(actor.id), []);
  });

  for (const kind of ["shared", "own"] as const) copyCases(suite, kind);
}

/** The same cases for actors with and without a database. */
function copyCases(suite: Suite, kind: "shared" | "own"): void {
  const title = kind === "own" ? "an actor with a database" : "an actor without a database";

  /** An actor with every kind of data. */
  async function original(store: ActorStore) {
    const actor = newActor();
    const object = await store.blobs.put(actor.id, pieces("object"), 100);
    if (kind === "own") {
      const database = await store.databases.open(actor.id, 1, true);
      database.prepare("CREATE TABLE item (name TEXT)")?.rows();
      database.prepare("INSERT INTO item VALUES ('row')")?.rows();
    }
    const kv: KvOperation[] = [reference(object.hash)];
    for (let at = 0; at < 600; at++) {
      kv.push({ type: "put", key: bytes(`\x01key-${at}`), value: new Uint8Array(5_000).fill(at) });
    }
    await store.commit(create(actor, { kv, ...snapshotOf({ n: 1 }), wakeAt: 4_000_000_000_000 }));
    const patch = { type: "patch", bytes: bytes("a patch") } as const;
    await store.commit(next(actor.id, 2, 1, { state: patch }));
    return { actor, object, patch };
  }

  async function assertCopy(
    store: ActorStore,
    id: string,
    { object, patch }: Awaited<ReturnType<typeof original>>,
  ) {
    const loaded = await store.acquire(id);
    assert.deepEqual(loaded.state, { snapshot: encodeValue({ n: 1 }), patches: [patch.bytes] });
    assert.equal(loaded.record.wakeAt, 4_000_000_000_000);
    const entries = await store.kvList(id, { start: bytes("\x01"), limit: 1_000 });
    assert.equal(entries.length, 600);
    assert.deepEqual(await store.kvGet(id, bytes("\x01key-7")), new Uint8Array(5_000).fill(7));
    assert.equal(
      (await collected(await store.blobs.read(id, object.hash, { start: 0, end: 6 }))).toString(),
      "object",
    );
    if (kind === "own") {
      const database = await store.databases.open(id, loaded.record.epoch, false);
      assert.deepEqual(database.prepare("SELECT name FROM item")?.rows(), [{ name: "row" }]);
      database.prepare("INSERT INTO item VALUES ('of the copy')")?.rows();
    }
    await store.commit(next(id, loaded.record.version + 1, loaded.record.epoch, { database: true }));
  }

  test(`${title} is exported as one file and imported`, async () => {
    const source = await original(suite.store());
    const file = await collected(exportActor(suite.store(), source.actor.id));
    const copy = identity();
    const record = await importActor(suite.store(), cut(file, 7_919), copy);
    assert.deepEqual([record.id, record.name, record.key], [copy.id, copy.name, copy.key]);
    await assertCopy(await suite.reopen(), copy.id, source);
    const taken = importActor(suite.store(), cut(file, 100_000), {
      ...newActor(copy.name, copy.key),
      createdAt: 1,
    });
    await assert.rejects(taken, code("actor", "duplicate_key"));
    await assert.rejects(
      importActor(suite.store(), cut(file, 100_000), {
        id: (name, key) => newActor(name, key).id,
        createdAt: 1,
      }),
      code("actor", "duplicate_key"),
      "the name and key of the original are taken",
    );
  });

  test(`${title} is forked, and the two change independently`, async () => {
    const source = await original(suite.store());
    const copy = identity();
    await forkActor(suite.store(), source.actor.id, copy);
    await assertCopy(suite.store(), copy.id, source);
    // More often than a store can read copies at a time: each gives back what it has taken.
    for (let at = 0; at < 6; at++) {
      const again = forkActor(suite.store(), source.actor.id, {
        ...newActor(copy.name, copy.key),
        createdAt: 1,
      });
      await assert.rejects(again, code("actor", "duplicate_key"));
    }
    await suite.store().commit(next(source.actor.id, 3, 1, { destroyedAt: 9 }));
    const store = await suite.reopen();
    assert.deepEqual(await store.blobs.list(copy.id), [source.object.hash]);
    await assert.rejects(forkActor(store, source.actor.id, identity()), code("actor", "not_found"));
  });

  test(`${title}: a damaged file creates nothing`, async () => {
    const source = await original(suite.store());
    const file = await collected(exportActor(suite.store(), source.actor.id));
    const newer = Buffer.from(file);
    newer[4] = 99;
    const flippedAt = (at: number): Buffer => {
      const flipped = Buffer.from(file);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      return flipped;
    };
    const damaged = [5, file.length >> 3, file.length >> 1, file.lastIndexOf("object")].map(flippedAt);
    const bad: readonly (readonly [Uint8Array, string])[] = [
      [file.subarray(0, file.length - 1), "invalid_import"],
      [file.subarray(0, file.length >> 1), "invalid_import"],
      [Buffer.alloc(0), "invalid_import"],
      [Buffer.from("no export at all"), "invalid_import"],
      [Buffer.concat([file, file.subarray(5)]), "invalid_import"],
      ...damaged.map((content) => [content, "invalid_import"] as const),
      [newer, "format_too_new"],
    ];
    for (const [content, name] of bad) {
      const copy = identity();
      await assert.rejects(importActor(suite.store(), cut(content, 65_536), copy), code("store", name));
      assert.equal(await suite.store().get(copy.id), undefined);
      assert.deepEqual(await suite.store().blobs.list(copy.id), []);
    }
  });

  test(`${title} can be read as of an earlier time`, async () => {
    const store = suite.store();
    const actor = newActor();
    if (kind === "own") await store.databases.open(actor.id, 1, true);
    const before = suite.clock.now() - 1;
    await store.commit(create(actor, snapshotOf("one")));
    const times = [suite.clock.now()];
    const states = [
      { type: "patch", bytes: bytes("p1") },
      { type: "snapshot", bytes: encodeValue("two") },
      { type: "patch", bytes: bytes("p2") },
    ] as const;
    for (const [index, state] of states.entries()) {
      suite.clock.advance(1_000);
      times.push(suite.clock.now());
      await store.commit(next(actor.id, index + 2, 1, { state }));
    }
    const at = async (time: number | undefined) => {
      const state = await store.history.stateAt(actor.id, time ?? 0);
      return state && [state.snapshot, ...state.patches];
    };
    assert.equal(await at(before), undefined);
    assert.deepEqual(await at(times[0]), [encodeValue("one")]);
    assert.deepEqual(await at((times[1] ?? 0) - 1), [encodeValue("one")]);
    assert.deepEqual(await at(times[1]), [encodeValue("one"), bytes("p1")]);
    assert.deepEqual(await at(times[2]), [encodeValue("two")]);
    assert.deepEqual(await at((times[3] ?? 0) + 60_000), [encodeValue("two"), bytes("p2")]);
    assert.equal(await store.history.stateAt(randomUUID(), times[0] ?? 0), undefined);

    const copy = identity();
    await forkActor(store, actor.id, copy, { at: times[1] ?? 0 });
    assert.deepEqual((await store.acquire(copy.id)).state, {
      snapshot: encodeValue("one"),
      patches: [bytes("p1")],
    });
    await assert.rejects(
      forkActor(store, actor.id, identity(), { at: before }),
      code("actor", "history_not_kept"),
    );
  });
}
