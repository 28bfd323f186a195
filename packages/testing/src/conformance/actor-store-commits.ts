import assert from "node:assert/strict";
import { test } from "node:test";
import { addressHash } from "@holdfast/server";
import type { Suite } from "./actor-store-suite.ts";
import { bytes, code, create, created, newActor, next, patch, snapshot, type TestActor } from "./batches.ts";

/** Conformance cases for fencing, creation, destruction, order, and state as a snapshot with patches. */
export function commitCases(suite: Suite): void {
  fenceCases(suite);
  stateCases(suite);
  destroyCases(suite);
}

function fenceCases(suite: Suite): void {
  test("a commit needs the current epoch", async () => {
    const store = suite.store();
    const actor = await created(store, snapshot("one"));
    assert.equal((await store.acquire(actor.id)).record.epoch, 2);
    await assert.rejects(store.commit(next(actor.id, 2, 1, snapshot("old owner"))), code("actor", "fenced"));
    await assert.rejects(store.commit(next(actor.id, 2, 3, snapshot("nobody"))), code("actor", "fenced"));
    await store.commit(next(actor.id, 2, 2, snapshot("new owner")));
    const { state } = await store.acquire(actor.id);
    assert.deepEqual(state, { snapshot: bytes("new owner"), patches: [] });
  });

  test("a commit must follow the current version", async () => {
    const store = suite.store();
    const actor = await created(store);
    await assert.rejects(store.commit(next(actor.id, 3, 1)), code("actor", "fenced"));
    await store.commit(next(actor.id, 2, 1));
    await assert.rejects(store.commit(next(actor.id, 2, 1)), code("actor", "fenced"));
    assert.equal((await store.get(actor.id))?.version, 2);
  });

  test("a fenced commit changes nothing, and does not affect concurrent commits", async () => {
    const store = suite.store();
    const [a, b, c] = [await created(store), await created(store), await created(store)];
    const kv = [{ type: "put", key: bytes("k"), value: bytes("v") }] as const;
    const call = {
      key: "call",
      status: "done",
      outcome: bytes("x"),
      expiresAt: suite.clock.now() + 1_000,
    } as const;
    const results = await Promise.allSettled([
      store.commit(next(a.id, 2, 1, { kv })),
      store.commit(next(b.id, 2, 7, { kv, calls: [call], wakeAt: 5, ...snapshot("b") })),
      store.commit(next(c.id, 2, 1, { kv })),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(await store.kvGet(b.id, bytes("k")), undefined);
    assert.equal(await store.call(b.id, "call"), undefined);
    assert.equal((await store.get(b.id))?.wakeAt, undefined);
    assert.deepEqual(await store.kvGet(a.id, bytes("k")), bytes("v"));
    assert.deepEqual(await store.kvGet(c.id, bytes("k")), bytes("v"));
  });

  test("a commit with a fractional wake-up time is refused as a whole", async () => {
    const store = suite.store();
    const actor = await created(store, { wakeAt: 7 });
    const kv = [{ type: "put", key: bytes("k"), value: bytes("v") }] as const;
    for (const wakeAt of [1.5, Number.NaN, 1e300]) {
      const commit = store.commit(next(actor.id, 2, 1, { kv, wakeAt }));
      await assert.rejects(commit, code("store", "invalid_commit"), String(wakeAt));
    }
    assert.equal((await store.get(actor.id))?.wakeAt, 7);
    assert.equal(await store.kvGet(actor.id, bytes("k")), undefined);
    await store.commit(next(actor.id, 2, 1, { kv, wakeAt: 8 }));
    assert.equal((await store.get(actor.id))?.wakeAt, 8);
  });

  test("concurrent commits of one actor are applied and resolve in order", async () => {
    const store = suite.store();
    const actor = newActor();
    const resolved: number[] = [];
    const commits = [store.commit(create(actor, snapshot("s")))];
    for (let version = 2; version <= 50; version += 1)
      commits.push(store.commit(next(actor.id, version, 1, patch(`${version}`))));
    await Promise.all(commits.map((commit, index) => commit.then(() => resolved.push(index))));
    assert.deepEqual(
      resolved,
      [...resolved].sort((x, y) => x - y),
    );
    const { state, record } = await (await suite.reopen()).acquire(actor.id);
    assert.equal(record.version, 50);
    assert.equal(state?.patches.length, 49);
  });

  test("an acquisition raises the epoch durably by one", async () => {
    const actor = await created(suite.store());
    assert.equal((await suite.store().acquire(actor.id)).record.epoch, 2);
    assert.equal((await suite.store().acquire(actor.id)).record.epoch, 3);
    const store = await suite.reopen();
    assert.equal((await store.get(actor.id))?.epoch, 3);
    assert.equal((await store.acquire(actor.id)).record.epoch, 4);
  });

  test("a missing actor cannot be acquired or committed", async () => {
    const store = suite.store();
    await assert.rejects(store.acquire("none"), code("actor", "not_found"));
    await assert.rejects(store.commit(next("none", 2, 1)), code("actor", "fenced"));
  });

  test("an invalid commit is refused", async () => {
    const store = suite.store();
    const actor = newActor();
    const started = { key: "k", status: "started", outcome: bytes("x"), expiresAt: 1 } as const;
    await assert.rejects(store.commit(next(actor.id, 1, 1)), code("store", "invalid_commit"));
    await assert.rejects(store.commit({ ...create(actor), version: 2 }), code("store", "invalid_commit"));
    await assert.rejects(store.commit({ ...create(actor), epoch: 2 }), code("store", "invalid_commit"));
    await assert.rejects(store.commit(create(actor, { calls: [started] })), code("store", "invalid_commit"));
    await assert.rejects(store.commit(create(actor, patch("no base"))), code("store", "invalid_commit"));
    assert.equal(await store.get(actor.id), undefined);
  });
}

function stateCases(suite: Suite): void {
  test("a new owner learns the latest expiry of call records, if the store tracks it", async () => {
    const actor = await created(suite.store());
    const now = suite.clock.now();
    const before = await suite.store().acquire(actor.id);
    assert.ok((before.callsUntil ?? 0) <= now);
    const calls = [5_000, 9_000, 7_000].map(
      (ms) => ({ key: `${ms}`, status: "done", outcome: bytes("x"), expiresAt: now + ms }) as const,
    );
    await suite.store().commit(next(actor.id, 2, 2, { calls }));
    const store = await suite.reopen();
    const { callsUntil } = await store.acquire(actor.id);
    assert.ok(callsUntil === undefined || callsUntil >= now + 9_000);
  });

  test("patches load oldest first, and a snapshot replaces them", async () => {
    const actor = await created(suite.store(), snapshot("base"));
    await suite.store().commit(next(actor.id, 2, 1, patch("a")));
    await suite.store().commit(next(actor.id, 3, 1, patch("b")));
    let store = await suite.reopen();
    assert.deepEqual((await store.acquire(actor.id)).state, {
      snapshot: bytes("base"),
      patches: [bytes("a"), bytes("b")],
    });
    await store.commit(next(actor.id, 4, 2, snapshot("all")));
    await store.commit(next(actor.id, 5, 2, patch("c")));
    store = await suite.reopen();
    assert.deepEqual((await store.acquire(actor.id)).state, {
      snapshot: bytes("all"),
      patches: [bytes("c")],
    });
  });

  test("an actor without state loads without state, and empty bytes are state", async () => {
    const store = suite.store();
    const [without, empty] = [await created(store), await created(store, snapshot(""))];
    assert.equal("state" in (await store.acquire(without.id)), false);
    assert.deepEqual((await store.acquire(empty.id)).state, { snapshot: bytes(""), patches: [] });
  });

  test("the patches of actors that commit alternately do not mix", async () => {
    const store = suite.store();
    const actors = await Promise.all(Array.from({ length: 20 }, () => created(store, snapshot("s"))));
    for (let version = 2; version <= 6; version += 1) {
      await Promise.all(
        actors.map((actor) => store.commit(next(actor.id, version, 1, patch(`${actor.id} ${version}`)))),
      );
    }
    await Promise.all(
      actors.slice(0, 10).map((actor) => store.commit(next(actor.id, 7, 1, snapshot("new")))),
    );
    for (const [index, actor] of actors.entries()) {
      const expected = index < 10 ? [] : [2, 3, 4, 5, 6].map((version) => bytes(`${actor.id} ${version}`));
      assert.deepEqual((await store.acquire(actor.id)).state?.patches, expected);
    }
  });

  test("a state of 64 MiB is stored", async () => {
    const large = new Uint8Array(64 * 1_048_576);
    for (let i = 0; i < large.length; i += 4_093) large[i] = i % 251;
    const actor = await created(suite.store(), { state: { type: "snapshot", bytes: large } });
    const { state } = await (await suite.reopen()).acquire(actor.id);
    assert.equal(Buffer.compare(state?.snapshot ?? new Uint8Array(), large), 0);
    await suite.store().commit(next(actor.id, 2, 2, { destroyedAt: 1 }));
  });
}

function destroyCases(suite: Suite): void {
  test("a key belongs to one living actor, and is free again once that is destroyed", async () => {
    const store = suite.store();
    const first = newActor("room", ["lobby", crypto.randomUUID()]);
    const second = newActor("room", first.key);
    await store.commit(create(first));
    await assert.rejects(store.commit(create(second)), code("actor", "duplicate_key"));
    assert.equal(await store.get(second.id), undefined);
    await store.commit(next(first.id, 2, 1, { destroyedAt: 42 }));
    assert.equal(await store.find("room", first.key), undefined);
    await store.commit(create(second));
    assert.equal((await store.find("room", first.key))?.id, second.id);
    assert.equal((await store.get(first.id))?.destroyedAt, 42);
  });

  test("one of two concurrent creations of a key wins", async () => {
    const store = suite.store();
    const key = [crypto.randomUUID()];
    const [a, b] = [newActor("race", key), newActor("race", key)];
    const results = await Promise.allSettled([store.commit(create(a)), store.commit(create(b))]);
    // A store with several connections may write either first.
    const created = [a, b].filter((_, index) => results[index]?.status === "fulfilled");
    assert.deepEqual(
      created.map(({ id }) => id),
      [(await store.find("race", a.key))?.id],
    );
  });

  test("an id cannot be reused", async () => {
    const store = suite.store();
    const actor = await created(store);
    // A store on several databases refuses an id of another shard before it looks for it.
    const shards = store.cluster?.shards ?? 1;
    const shardOf = ({ name, key }: TestActor): number => addressHash(name, key) & (shards - 1);
    let other = newActor();
    while (shardOf(other) !== shardOf(actor)) other = newActor();
    await assert.rejects(store.commit(create({ ...other, id: actor.id })), code("actor", "fenced"));
  });

  test("destroying deletes state, kv, calls and alarm, and ends the actor", async () => {
    const call = {
      key: "call",
      status: "done",
      outcome: bytes("x"),
      expiresAt: suite.clock.now() + 1_000,
    } as const;
    const kv = [{ type: "put", key: bytes("k"), value: bytes("v") }] as const;
    const actor = await created(suite.store(), { ...snapshot("s"), kv, calls: [call], wakeAt: 10 });
    await suite.store().commit(next(actor.id, 2, 1, patch("p")));
    await suite
      .store()
      .commit(next(actor.id, 3, 1, { destroyedAt: 99, calls: [call], kv, ...snapshot("t") }));
    const store = await suite.reopen();
    assert.equal(await store.kvGet(actor.id, bytes("k")), undefined);
    assert.equal(await store.call(actor.id, "call"), undefined);
    assert.equal(
      (await store.due(100, 1_000)).actors.some((record) => record.id === actor.id),
      false,
    );
    await assert.rejects(store.acquire(actor.id), code("actor", "not_found"));
    await assert.rejects(store.commit(next(actor.id, 4, 1, snapshot("s"))), code("actor", "fenced"));
    const record = await store.get(actor.id);
    assert.equal(record?.destroyedAt, 99);
    assert.equal(record !== undefined && "wakeAt" in record, false);
  });
}
