import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { PostgresStore } from "@holdfast/store-postgres";
import { cuttingProxy } from "@holdfast/testing";
import { bytes, code, create, newSchema, next, openStore, patch, sharedServer, snapshot } from "./support.ts";

const server = await sharedServer();

async function patchesOf(store: PostgresStore, id: string): Promise<readonly string[]> {
  const { state } = await store.acquire(id);
  return (state?.patches ?? []).map((part) => new TextDecoder().decode(part));
}

test("a turn that never reached the server is sent again", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url });
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const turn = next(id, 2, patch("p"));
  const cut = proxy.cut(turn.commitId, "before");
  await Promise.all([store.commit(turn), cut]);
  assert.deepEqual(await patchesOf(store, id), ["p"]);
  assert.equal(store.stats().retries, 1);
});

test("a turn whose answer was lost is found committed, and not sent again", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url });
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const turn = next(id, 2, patch("p"));
  const cut = proxy.cut(turn.commitId, "after");
  await Promise.all([store.commit(turn), cut]);
  assert.deepEqual(await patchesOf(store, id), ["p"]);
  const { retries, settled } = store.stats();
  assert.deepEqual({ retries, settled }, { retries: 0, settled: 1 });
});

for (const where of ["before", "after"] as const) {
  test(`pipelined turns stay complete and in order when one is cut ${where} the server`, async (t) => {
    const proxy = await cuttingProxy(t, server.url);
    const store = await openStore(t, { url: proxy.url });
    const [id, other] = [randomUUID(), randomUUID()];
    await Promise.all([store.commit(create(id, snapshot("s"))), store.commit(create(other, snapshot("s")))]);
    const turns = Array.from({ length: 30 }, (_, at) => next(id, at + 2, patch(`${at + 2}`)));
    const others = Array.from({ length: 30 }, (_, at) => next(other, at + 2, patch(`${at + 2}`)));
    const cut = proxy.cut(turns[10]?.commitId ?? "", where);
    const ended: number[] = [];
    await Promise.all([
      cut,
      ...turns.map((turn) => store.commit(turn).then(() => ended.push(turn.version))),
      ...others.map((turn) => store.commit(turn)),
    ]);
    const expected = turns.map((turn) => `${turn.version}`);
    assert.deepEqual(await patchesOf(store, id), expected);
    assert.deepEqual(await patchesOf(store, other), expected);
    assert.deepEqual(ended.map(String), expected);
  });
}

test("a turn that reaches the server after its connection was cut is applied once", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url });
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const turn = next(id, 2, patch("p"));
  const cut = proxy.cut(turn.commitId, "late");
  const committed = store.commit(turn);
  await cut;
  await committed;
  await proxy.deliver();
  assert.deepEqual(await patchesOf(store, id), ["p"]);
  await store.commit(next(id, 3, patch("q"), 2));
  assert.deepEqual(await patchesOf(store, id), ["p", "q"]);
});

test("a connection that answers nothing is given up, and its turns go another way", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url, statementTimeoutMs: 300 });
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const turn = next(id, 2, patch("p"));
  const cut = proxy.cut(turn.commitId, "silent");
  await Promise.all([cut, store.commit(turn), store.commit(next(id, 3, patch("q")))]);
  assert.deepEqual(await patchesOf(store, id), ["p", "q"]);
});

test("a creation whose answer was lost is found committed; one that was cut before is made", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url });
  for (const where of ["before", "after"] as const) {
    const id = randomUUID();
    const turn = create(id, snapshot(where));
    const cut = proxy.cut(turn.commitId, where);
    await Promise.all([store.commit(turn), cut]);
    assert.deepEqual((await store.acquire(id)).state?.snapshot, bytes(where));
  }
});

test("a lost turn of an owner that was replaced is fenced, or found committed", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const schema = newSchema();
  const store = await openStore(t, { url: proxy.url, schema });
  const other = await openStore(t, { url: server.url, schema });
  for (const where of ["before", "after"] as const) {
    const id = randomUUID();
    await store.commit(create(id, snapshot("s")));
    const turn = next(id, 2, patch("p"));
    const cut = proxy.cut(turn.commitId, where);
    const committed = store.commit(turn).then(
      () => "committed",
      (error: unknown) => (code("actor", "fenced")(error) ? "fenced" : ""),
    );
    await cut;
    // The old owner cannot settle before the new one has taken over.
    proxy.refuse(true);
    assert.equal((await other.acquire(id)).record.version, where === "after" ? 2 : 1);
    proxy.refuse(false);
    assert.equal(await committed, where === "after" ? "committed" : "fenced");
  }
});

test("a lost turn is indeterminate when a new owner has committed since", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const schema = newSchema();
  const store = await openStore(t, { url: proxy.url, schema });
  const other = await openStore(t, { url: server.url, schema });
  const id = randomUUID();
  await store.commit(create(id, snapshot("s")));
  const turn = next(id, 2, patch("p"));
  const cut = proxy.cut(turn.commitId, "after");
  const rejected = assert.rejects(store.commit(turn), code("store", "indeterminate"));
  await cut;
  proxy.refuse(true);
  await other.acquire(id);
  await other.commit(next(id, 3, patch("q"), 2));
  proxy.refuse(false);
  await rejected;
});

test("while the server cannot be reached a sent turn is indeterminate, and a new one is refused", async (t) => {
  const proxy = await cuttingProxy(t, server.url);
  const store = await openStore(t, { url: proxy.url, retryForMs: 300 });
  const [id, other] = [randomUUID(), randomUUID()];
  await Promise.all([store.commit(create(id)), store.commit(create(other))]);
  const turn = next(id, 2);
  const cut = proxy.cut(turn.commitId, "after");
  const rejected = assert.rejects(store.commit(turn), code("store", "indeterminate"));
  await cut;
  proxy.refuse(true);
  await rejected;
  await assert.rejects(store.commit(next(other, 2)), code("store", "unavailable"));
  await assert.rejects(store.get(id), code("store", "unavailable"));
  proxy.refuse(false);
  assert.equal((await store.get(id))?.version, 2);
  await store.commit(next(other, 2));
});

test("a quiet store has few connections, and a busy one opens more", async (t) => {
  const store = await openStore(t, { url: server.url });
  const sessions = (): number =>
    Number(server.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast'"));
  const before = sessions();
  for (let count = 0; count < 8; count++) await store.commit(create(randomUUID(), snapshot("s")));
  // One for turns, and one for reads.
  assert.ok(sessions() - before <= 2, `${sessions() - before} sessions`);
  let added = 0;
  while (added < 3) {
    await Promise.all(Array.from({ length: 30 }, () => store.commit(create(randomUUID(), snapshot("s")))));
    added = sessions() - before;
  }
});

test("a store works with the connections that it has when the server refuses more", async (t) => {
  server.execute(
    "CREATE ROLE limited LOGIN CONNECTION LIMIT 2",
    "GRANT CREATE ON DATABASE postgres TO limited",
  );
  const url = server.url.replace("holdfast@", "limited@");
  const store = await openStore(t, { url });
  for (let round = 0; round < 5; round++) {
    const ids = Array.from({ length: 30 }, () => randomUUID());
    await Promise.all(ids.map((id) => store.commit(create(id, snapshot("s")))));
    const read = await Promise.all(ids.map((id) => store.get(id)));
    assert.deepEqual(
      read.map((actor) => actor?.id),
      ids,
    );
  }
  assert.equal(store.stats().retries, 0);
});
