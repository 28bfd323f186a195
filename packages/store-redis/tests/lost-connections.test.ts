import assert from "node:assert/strict";
import { test } from "node:test";
import type { RedisStore } from "@holdfast/store-redis";
import { cuttingProxy } from "@holdfast/testing";
import { code, created, newActor, next, patch, snapshot } from "@holdfast/testing/batches";
import { sharedRedis } from "@holdfast/testing/redis";
import { openStore } from "./support.ts";

const server = await sharedRedis();

async function patchesOf(store: RedisStore, id: string): Promise<readonly string[]> {
  const { state } = await store.acquire(id);
  return (state?.patches ?? []).map((part) => new TextDecoder().decode(part));
}

for (const where of ["before", "after", "late", "silent"] as const) {
  test(`pipelined turns stay complete and in order when one is cut ${where} the server`, async (t) => {
    const proxy = await cuttingProxy(t, server.url());
    const store = await openStore(t, { url: proxy.url, silenceTimeoutMs: 300 });
    const [actor, other] = [await created(store, snapshot("s")), await created(store, snapshot("s"))];
    const turnsOf = (id: string) =>
      Array.from({ length: 30 }, (_, at) => next(id, at + 2, 1, patch(`${at + 2}`)));
    const turns = turnsOf(actor.id);
    const cut = proxy.cut(turns[10]?.commitId ?? "", where);
    const ended: number[] = [];
    await Promise.all([
      cut,
      ...turns.map((turn) => store.commit(turn).then(() => ended.push(turn.version))),
      ...turnsOf(other.id).map((turn) => store.commit(turn)),
    ]);
    // What reaches the server late is fenced.
    if (where === "late") await proxy.deliver();
    const expected = turns.map((turn) => `${turn.version}`);
    assert.deepEqual(await patchesOf(store, actor.id), expected);
    assert.deepEqual(await patchesOf(store, other.id), expected);
    assert.deepEqual(ended.map(String), expected);
  });
}

test("a lost turn is indeterminate when a new owner has committed since", async (t) => {
  const url = server.url();
  const proxy = await cuttingProxy(t, url);
  const store = await openStore(t, { url: proxy.url });
  const other = await openStore(t, { url });
  const actor = await created(store, snapshot("s"));
  const turn = next(actor.id, 2, 1, patch("p"));
  const cut = proxy.cut(turn.commitId, "after");
  const rejected = assert.rejects(store.commit(turn), code("store", "indeterminate"));
  await cut;
  proxy.refuse(true);
  await other.acquire(actor.id);
  await other.commit(next(actor.id, 3, 2, patch("q")));
  proxy.refuse(false);
  await rejected;
});

test("while the server cannot be reached a sent turn is indeterminate, and a new one is refused", async (t) => {
  const proxy = await cuttingProxy(t, server.url());
  const store = await openStore(t, { url: proxy.url, retryForMs: 200 });
  const [actor, other] = [await created(store), await created(store)];
  const turn = next(actor.id, 2, 1);
  const cut = proxy.cut(turn.commitId, "after");
  const rejected = assert.rejects(store.commit(turn), code("store", "indeterminate"));
  await cut;
  proxy.refuse(true);
  await rejected;
  await assert.rejects(store.commit(next(other.id, 2, 1)), code("store", "unavailable"));
  await assert.rejects(store.get(actor.id), code("store", "unavailable"));
  proxy.refuse(false);
  assert.equal((await store.get(actor.id))?.version, 2);
  await store.commit(next(other.id, 2, 1));
});

for (const where of ["before", "after"] as const) {
  test(`a copy of an actor is complete when the answer to its last script is cut ${where} the server`, async (t) => {
    const proxy = await cuttingProxy(t, server.url());
    const store = await openStore(t, { url: proxy.url });
    const actor = await created(store, snapshot("s"));
    const copy = { ...newActor(), createdAt: 1 };
    const image = await store.history.image(actor.id);
    const cut = proxy.cut("restored-", where);
    const [record] = await Promise.all([store.history.restore(image, copy), cut]);
    assert.equal(record.id, copy.id);
    const { state } = await store.acquire(copy.id);
    assert.equal(Buffer.from(state?.snapshot ?? []).toString(), "s");
  });
}
