import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { manualClock } from "@holdfast/testing";
import {
  bytes,
  code,
  create,
  newSchema,
  next,
  openStore,
  patch,
  session,
  sharedServer,
  snapshot,
} from "./support.ts";

const server = await sharedServer();
const mebibyte = 1_048_576;

function pattern(length: number): Uint8Array {
  const value = new Uint8Array(length);
  for (let at = 0; at < length; at += 997) value[at] = at % 251;
  return value;
}

test("values beyond one MiB are stored in pieces, and shrink again", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema });
  const id = randomUUID();
  const sizes = [mebibyte - 1, mebibyte, mebibyte + 1, 2 * mebibyte, 3 * mebibyte + 5];
  const expiresAt = Date.now() + 60_000;
  await store.commit(
    create(id, {
      state: { type: "snapshot", bytes: pattern(2 * mebibyte + 1) },
      kv: sizes.map((size) => ({ type: "put", key: bytes(`${size}`), value: pattern(size) })),
      calls: sizes.map((size) => ({ key: `${size}`, status: "done", outcome: pattern(size), expiresAt })),
    }),
  );
  assert.deepEqual((await store.acquire(id)).state?.snapshot, pattern(2 * mebibyte + 1));
  for (const size of sizes) {
    assert.deepEqual(await store.kvGet(id, bytes(`${size}`)), pattern(size));
    assert.deepEqual((await store.call(id, `${size}`))?.outcome, pattern(size));
  }
  const listed = await store.kvList(id, { start: bytes(""), limit: 9 });
  assert.deepEqual(
    listed.map(({ value }) => value.length),
    [...sizes].sort((a, b) => (`${a}` < `${b}` ? -1 : 1)),
  );
  const client = await session(t, server.url);
  for (const [table, column] of [
    ["state", "bytes"],
    ["kv", "value"],
    ["call", "outcome"],
  ]) {
    const { rows } = await client.query(`SELECT max(length(${column})) AS n FROM ${schema}.${table}`);
    assert.equal(rows[0]?.n, mebibyte, table);
  }
  const [key, small] = [bytes(`${3 * mebibyte + 5}`), bytes("small")];
  await store.commit(next(id, 2, { kv: [{ type: "put", key, value: small }] }, 2));
  assert.deepEqual(await store.kvGet(id, key), small);
  await store.commit(next(id, 3, { kv: [{ type: "delete", key }] }, 2));
  const { rows } = await client.query(`SELECT 1 FROM ${schema}.kv WHERE key = $1`, [Buffer.from(key)]);
  assert.deepEqual(rows, []);
});

test("what an actor has just committed is seen by its own reads", async (t) => {
  const store = await openStore(t, { url: server.url });
  const id = randomUUID();
  const committed = store.commit(create(id, { kv: [{ type: "put", key: bytes("a"), value: bytes("1") }] }));
  assert.deepEqual(await store.kvGet(id, bytes("a")), bytes("1"));
  await committed;
});

test("history beyond its age or size is deleted with the next snapshot, in whole stretches", async (t) => {
  const clock = manualClock();
  const store = await openStore(t, {
    url: server.url,
    ports: { ...systemPorts(), clock },
    history: { maxAgeMs: 10_000, maxBytes: 100 },
  });
  const id = randomUUID();
  const times: number[] = [];
  const commit = async (version: number, changes: Parameters<typeof next>[2]) => {
    times[version] = clock.now();
    await store.commit(version === 1 ? create(id, changes) : next(id, version, changes));
    clock.advance(1_000);
  };
  const at = async (version: number) => {
    const state = await store.history.stateAt(id, times[version] ?? 0);
    return state && [state.snapshot, ...state.patches].map((part) => new TextDecoder().decode(part));
  };
  await commit(1, snapshot("a".repeat(30)));
  await commit(2, patch("b".repeat(30)));
  await commit(3, snapshot("c".repeat(30)));
  assert.deepEqual(await at(2), ["a".repeat(30), "b".repeat(30)]);
  await commit(4, snapshot("d".repeat(30)));
  assert.deepEqual(await at(1), ["a".repeat(30)], "90 bytes of history are kept");
  await commit(5, snapshot("e".repeat(30)));
  assert.equal(await at(2), undefined, "120 bytes are too many: the oldest stretch goes");
  assert.deepEqual(await at(3), ["c".repeat(30)]);
  clock.advance(9_000);
  await commit(6, snapshot("f"));
  assert.equal(await at(4), undefined, "that stretch has ended more than 10 s ago");
  assert.deepEqual(await at(5), ["e".repeat(30)]);
  assert.deepEqual(await at(6), ["f"]);
});

test("expired call records are deleted in proportion to new ones", async (t) => {
  const clock = manualClock();
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema, ports: { ...systemPorts(), clock } });
  const id = randomUUID();
  const calls = (from: number) =>
    Array.from({ length: 300 }, (_, at) => ({
      key: `${from + at}`,
      status: "done" as const,
      expiresAt: clock.now() + 10,
    }));
  await store.commit(create(id, { calls: calls(0) }));
  clock.advance(100);
  await store.commit(next(id, 2, { calls: calls(300) }));
  clock.advance(100);
  await store.commit(next(id, 3, { calls: calls(600) }));
  await store.close();
  const client = await session(t, server.url);
  const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${schema}.call`);
  assert.ok(rows[0]?.n <= 600, `${rows[0]?.n} rows`);
});

test("objects without a reference go when a new owner takes over; others stay", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema });
  const id = randomUUID();
  async function* source(text: string) {
    yield bytes(text);
  }
  const kept = await store.blobs.put(id, source("kept"), 100);
  await store.blobs.put(id, source("unreferenced"), 100);
  const key = Buffer.from(`0070${kept.hash}00`, "hex");
  await store.commit(create(id, { kv: [{ type: "put", key, value: bytes("x") }] }));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await store.acquire(id);
  await store.close();
  const again = await openStore(t, { url: server.url, schema });
  assert.deepEqual(await again.blobs.list(id), [kept.hash]);
  const client = await session(t, server.url);
  const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${schema}.blob_piece`);
  assert.equal(rows[0]?.n, 1);
});

test("an object of many pieces is read in ranges across them", async (t) => {
  const store = await openStore(t, { url: server.url });
  const id = randomUUID();
  const whole = pattern(3 * mebibyte + 17);
  async function* source() {
    for (let at = 0; at < whole.length; at += 70_001) yield whole.subarray(at, at + 70_001);
  }
  const { hash, size } = await store.blobs.put(id, source(), whole.length);
  assert.equal(size, whole.length);
  for (const [start, end] of [
    [0, whole.length],
    [mebibyte - 3, mebibyte + 3],
    [2 * mebibyte, 2 * mebibyte + 1],
    [whole.length - 1, whole.length + 100],
  ] as const) {
    const parts: Uint8Array[] = [];
    for await (const part of (await store.blobs.read(id, hash, { start, end })) ?? []) parts.push(part);
    assert.equal(Buffer.compare(Buffer.concat(parts), whole.subarray(start, end)), 0, `${start} to ${end}`);
  }
});

test("a patch without a snapshot is refused as a whole", async (t) => {
  const store = await openStore(t, { url: server.url });
  const id = randomUUID();
  await store.commit(create(id));
  await assert.rejects(store.commit(next(id, 2, patch("p"))), code("store", "invalid_commit"));
  await store.commit(next(id, 2, snapshot("s")));
});

test("names of any text are left out of a list", async (t) => {
  const store = await openStore(t, { url: server.url });
  const odd = ["a,b", 'c"d', "e\\f", "{}", "NULL", " g "];
  for (const prefix of [...odd, "kept"]) {
    const id = randomUUID();
    const name = `${prefix}:test`;
    await store.commit({ ...create(id), create: { name, key: [id], createdAt: 1 } });
  }
  const { actors } = await store.list({ namespaces: { without: odd }, limit: 10 });
  assert.deepEqual(
    actors.map(({ name }) => name),
    ["kept:test"],
  );
});
