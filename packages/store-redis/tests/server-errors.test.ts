import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import type { KvOperation } from "@holdfast/actors";
import { create, created, newActor, next, patch, snapshot } from "@holdfast/testing/batches";
import { startRedis } from "@holdfast/testing/redis";
import { openStore, refusal } from "./support.ts";

const server = await startRedis({ "busy-reply-threshold": "20" });
after(() => server.stop());

const put = (key: string, value: Uint8Array): KvOperation => ({ type: "put", key: Buffer.from(key), value });

test("a turn that finds no memory changes nothing, and can be repeated; an actor can still be destroyed", async (t) => {
  const store = await openStore(t, { url: server.url() });
  const [actor, other] = [await created(store, snapshot("s")), await created(store, snapshot("s"))];
  const turn = next(actor.id, 2, 1, { kv: [put("k", Buffer.from("v"))] });
  server.execute("CONFIG", "SET", "maxmemory", "1");
  try {
    await assert.rejects(
      store.commit(turn),
      refusal("full", /memory of the server is full.*Raise maxmemory/),
    );
    assert.equal((await store.get(actor.id))?.version, 1);
    assert.equal(await store.kvGet(actor.id, Buffer.from("k")), undefined);
    await store.commit(next(other.id, 2, 1, { destroyedAt: 7 }));
    // Nodes stay alive, too.
    await store.cluster.openScope("chat");
    assert.equal((await store.acquire(actor.id)).record.epoch, 2);
  } finally {
    server.execute("CONFIG", "SET", "maxmemory", "0");
  }
  await store.commit({ ...turn, epoch: 2 });
  assert.equal((await store.get(other.id))?.destroyedAt, 7);
});

test("a server that has become a replica takes no turn, and takes the next one as a primary again", async (t) => {
  const store = await openStore(t, { url: server.url(), retryForMs: 100 });
  const actor = await created(store);
  server.execute("REPLICAOF", "127.0.0.1", "1");
  try {
    const commit = store.commit(next(actor.id, 2, 1));
    await assert.rejects(commit, refusal("unavailable", /name the primary/));
  } finally {
    server.execute("REPLICAOF", "NO", "ONE");
  }
  await store.commit(next(actor.id, 2, 1));
});

test("turns go on when the server forgets the scripts, and when it cuts all connections", async (t) => {
  const store = await openStore(t, { url: server.url() });
  const actor = newActor();
  const commits = [store.commit(create(actor, snapshot("s")))];
  for (let version = 2; version <= 60; version += 1) {
    if (version === 20) server.execute("SCRIPT", "FLUSH");
    if (version === 40) server.execute("CLIENT", "KILL", "TYPE", "normal");
    commits.push(store.commit(next(actor.id, version, 1, patch(`${version}`))));
    // Some are sent before, some after.
    if (version % 10 === 5) await commits.at(-1);
  }
  await Promise.all(commits);
  const { state } = await store.acquire(actor.id);
  const written = state?.patches.map((bytes) => Buffer.from(bytes).toString());
  assert.deepEqual(
    written,
    Array.from({ length: 59 }, (_, at) => `${at + 2}`),
  );
});

test("a turn waits while the script of another program holds up the server, until that is killed", async (t) => {
  const store = await openStore(t, { url: server.url() });
  const actor = await created(store);
  const client = spawn("redis-cli", ["-p", `${server.port}`, "EVAL", "while true do end", "0"]);
  const ended = once(client, "exit");
  while (!server.execute("PING").startsWith("BUSY"));
  let isCommitted = false;
  const commit = store.commit(next(actor.id, 2, 1)).then(() => {
    isCommitted = true;
  });
  server.execute("PING");
  assert.equal(isCommitted, false);
  server.execute("SCRIPT", "KILL");
  await commit;
  await ended;
});

test("a key that another program has changed fails the turn, whose version stays", async (t) => {
  const url = server.url();
  const store = await openStore(t, { url });
  const actor = await created(store);
  server.execute("SET", `{${new URL(url).searchParams.get("prefix")}}:kv:${actor.id}`, "text");
  const commit = store.commit(next(actor.id, 2, 1, { kv: [put("k", Buffer.from("v"))] }));
  await assert.rejects(commit, refusal("corrupt", /another program has changed it/));
  assert.equal((await store.get(actor.id))?.version, 1);
});

test("a turn that the server would not accept is refused before it is sent", async (t) => {
  const store = await openStore(t, { url: server.url() });
  const actor = await created(store);
  const large = new Uint8Array(256 * 1_048_576);
  const commit = store.commit(next(actor.id, 2, 1, { kv: [put("k", large)] }));
  await assert.rejects(commit, refusal("too_large", /Split it/));
  await store.commit(next(actor.id, 2, 1));
});
