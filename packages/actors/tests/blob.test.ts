import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { type ActorBlobs, type ActorKv, actor } from "@holdfast/actors";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { call, turn, type World, world } from "./harness.ts";

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const hashOf = (content: string) => createHash("sha256").update(content).digest("hex");

function code(group: string, name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, group, name)) return true;
    throw new Error(`Expected ${group}.${name}`, { cause: error });
  };
}

interface Parts {
  readonly blob: ActorBlobs;
  readonly kv: ActorKv;
}

const holding = actor({
  state: { n: 0 },
  actions: {
    put: async (c, content: string) => (await c.blob.put(content)).hash,
    text: async (c, hash: string) => text(await c.blob.bytes(hash)) ?? null,
    delete: (c, hash: string) => c.blob.delete(hash),
    fail: async (c, content: string) => {
      await assert.rejects(
        c.transaction(async () => {
          await c.blob.put(content);
          await c.kv.putStream("big", new Uint8Array(3_000_000));
          throw new Error("no");
        }),
      );
      return [(await c.blob.list()).length, (await c.kv.getStream("big")) === undefined];
    },
  },
});

/** The storage of a running actor, outside of any action. */
async function open(w: World = world()): Promise<Parts & { readonly w: World }> {
  let parts: Parts | undefined;
  const definition = actor({
    options: { noSleep: true },
    onWake: (c) => {
      parts = { blob: c.blob, kv: c.kv };
    },
  });
  await w.create(definition).ready;
  assert.ok(parts);
  return { ...parts, w };
}

async function* pieces(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new TextEncoder().encode(part);
}

async function collected(stream: ReadableStream<Uint8Array> | undefined): Promise<string | undefined> {
  return stream === undefined
    ? undefined
    : new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

describe("c.blob", () => {
  test("stores every source type under the hash of its content", async () => {
    const { blob } = await open();
    const expected = { hash: hashOf("hello"), size: 5 };
    const bytes = new TextEncoder().encode("hello");
    for (const source of [
      "hello",
      bytes,
      bytes.buffer,
      new Blob(["hello"]),
      new Blob(["hello"]).stream(),
      pieces("hel", "lo"),
    ]) {
      assert.deepEqual(await blob.put(source), expected);
    }
    assert.equal(text(await blob.bytes(expected.hash)), "hello");
    assert.deepEqual(await blob.list(), [expected]);
    assert.equal(await blob.has(expected.hash), true);
    assert.deepEqual(await blob.put(""), { hash: hashOf(""), size: 0 });
    assert.equal(text(await blob.bytes(hashOf(""))), "");
  });

  test("reads a range of an object", async () => {
    const { blob } = await open();
    const { hash } = await blob.put("0123456789");
    assert.equal(await collected(await blob.get(hash, { start: 2, end: 5 })), "234");
    assert.equal(await collected(await blob.get(hash, { start: 8 })), "89");
    assert.equal(await collected(await blob.get(hash, { start: 4, end: 4 })), "");
    assert.equal(await collected(await blob.get(hash, { start: 50, end: 60 })), "");
    for (const range of [{ start: -1 }, { start: 5, end: 4 }, { start: 0.5 }, { end: Number.NaN }]) {
      await assert.rejects(blob.get(hash, range), code("store", "invalid_range"));
    }
  });

  test("lists by hash, in pages, and deletes", async () => {
    const { blob } = await open();
    const hashes: string[] = [];
    for (const content of ["a", "b", "c", "d"]) hashes.push((await blob.put(content)).hash);
    hashes.sort();
    assert.deepEqual(
      (await blob.list({ limit: 2 })).map(({ hash }) => hash),
      hashes.slice(0, 2),
    );
    assert.deepEqual(
      (await blob.list({ after: hashes[1] ?? "" })).map(({ hash }) => hash),
      hashes.slice(2),
    );
    assert.equal(await blob.delete(hashes[0] ?? ""), true);
    assert.equal(await blob.delete(hashes[0] ?? ""), false);
    assert.equal(await blob.get(hashes[0] ?? ""), undefined);
    await assert.rejects(blob.list({ limit: -1 }), code("store", "invalid_range"));
  });

  test("an object that is stored again during the reference check is not removed", async () => {
    const { blob, w } = await open();
    const { hash } = await blob.put("again");
    const { kvList } = w.store;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    w.store.kvList = async (...args) => {
      const found = await kvList(...args);
      asked.resolve();
      await answer.promise;
      return found;
    };
    await blob.delete(hash);
    await asked.promise;
    await blob.put("again");
    answer.resolve();
    await turn();
    assert.equal(text(await blob.bytes(hash)), "again");
  });

  test("an object stays until the removal of its last reference is durable", async () => {
    const w = world();
    const instance = w.create(holding);
    const hash = await call(instance, "put", "here");
    await instance.sleep();
    const again = await w.wake(holding);
    const { commit } = w.store;
    const outcome = Promise.withResolvers<void>();
    w.store.commit = () => outcome.promise;
    const deleted = assert.rejects(call(again, "delete", hash), code("store", "full"));
    await turn();
    // The first put removes unreferenced objects.
    const put = assert.rejects(call(again, "put", "other"), code("store", "full"));
    await turn();
    outcome.reject(new HoldfastError("store", "full", "No room"));
    await Promise.all([deleted, put]);
    w.store.commit = commit;
    assert.equal(await call(await w.wake(holding), "text", hash), "here");
  });

  test("rejects invalid hashes and invalid objects", async () => {
    const { blob } = await open();
    for (const hash of ["", "../../etc/passwd", "A".repeat(64), 5 as never]) {
      await assert.rejects(blob.get(hash), code("store", "invalid_hash"));
      await assert.rejects(blob.has(hash), code("store", "invalid_hash"));
    }
    for (const source of [null, 5, {}, [1], pieces]) {
      await assert.rejects(blob.put(source as never), code("store", "invalid_blob"));
    }
    await assert.rejects(
      blob.put(
        (async function* () {
          yield "text" as never;
        })(),
      ),
      code("store", "invalid_blob"),
    );
    assert.deepEqual(await blob.list(), []);
  });

  test("commits with the turn, and the bytes are removed with the last reference", async () => {
    const { create, wake, store } = world();
    const instance = create(holding);
    const hash = String(await call(instance, "put", "kept"));
    await instance.sleep();
    const again = await wake(holding);
    assert.equal(await call(again, "text", hash), "kept");
    assert.deepEqual(await store.blobs.list("a"), [hash]);
    assert.equal(await call(again, "delete", hash), true);
    await turn();
    await turn();
    assert.deepEqual(await store.blobs.list("a"), []);
  });

  test("an object of a failed turn is removed soon", async () => {
    const { create, wake, store } = world();
    const instance = create(holding);
    await instance.ready;
    const commit = store.commit;
    store.commit = () => Promise.reject(new Error("planned"));
    await assert.rejects(call(instance, "put", "lost"));
    store.commit = commit;
    assert.deepEqual(await store.blobs.list("a"), [hashOf("lost")]);
    const again = await wake(holding);
    assert.equal(await call(again, "text", hashOf("lost")), null);
    await call(again, "put", "next");
    await turn();
    await turn();
    assert.deepEqual(await store.blobs.list("a"), [hashOf("next")]);
  });

  test("a failed transaction rolls back objects and streamed values", async () => {
    assert.deepEqual(await call(world().create(holding), "fail", "x"), [0, true]);
  });

  test("is deleted with its actor", async () => {
    const { create, store } = world();
    const instance = create(holding);
    await call(instance, "put", "x");
    await instance.destroy();
    assert.deepEqual(await store.blobs.list("a"), []);
  });

  test("rejects objects after the actor has stopped", async () => {
    let kept: ActorBlobs | undefined;
    const instance = world().create(
      actor({
        onWake: (c) => {
          kept = c.blob;
        },
      }),
    );
    await instance.sleep();
    await assert.rejects(async () => kept?.put("late"), code("actor", "stopped"));
  });
});

test("stores the content at the time of the call, or of the chunk", async () => {
  const { blob, kv } = await open();
  const buffers = ["hello", "world"].map((content) => Buffer.from(content));
  const puts = [blob.put(buffers[0] ?? ""), kv.putStream("bytes", buffers[1] ?? "")] as const;
  for (const buffer of buffers) buffer.fill("x");
  const [info] = await Promise.all(puts);
  assert.equal(info.hash, hashOf("hello"));
  assert.equal(text(await blob.bytes(info.hash)), "hello");
  assert.equal(await kv.get("bytes"), "world");
  const reused = new Uint8Array(2);
  await kv.putStream(
    "pieces",
    (async function* () {
      for (const piece of ["ab", "cd"]) {
        new TextEncoder().encodeInto(piece, reused);
        yield reused;
      }
    })(),
  );
  assert.equal(await kv.get("pieces"), "abcd");
});

test("a rejected stream is cancelled, even if nothing was read from it", async () => {
  const cancelled: string[] = [];
  const endless = (name: string): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)),
      cancel: () => void cancelled.push(name),
    });
  let parts: Parts | undefined;
  const w = world();
  const instance = w.create(
    actor({
      onWake: (c) => {
        parts = { blob: c.blob, kv: c.kv };
      },
    }),
  );
  await instance.ready;
  await assert.rejects(
    async () => parts?.kv.putStream("k".repeat(3_000), endless("key")),
    code("kv", "key_too_large"),
  );
  await instance.sleep();
  await assert.rejects(async () => parts?.kv.putStream("k", endless("value")), code("actor", "stopped"));
  await assert.rejects(async () => parts?.blob.put(endless("object")), code("actor", "stopped"));
  assert.deepEqual(cancelled, ["key", "value", "object"]);
});

describe("large values of c.kv", () => {
  test("are written and read as streams, and persist", async () => {
    const { kv, blob, w } = await open();
    const large = "x".repeat(2_097_152);
    await kv.putStream("large", pieces(large, "y"));
    await kv.putStream("small", pieces("ab", "c"));
    assert.equal(await collected(await kv.getStream("large")), `${large}y`);
    assert.equal(await collected(await kv.getStream("small")), "abc");
    assert.equal(await kv.get("small"), "abc");
    assert.equal(await kv.getStream("none"), undefined);
    await assert.rejects(kv.get("large"), code("kv", "value_is_stream"));
    await assert.rejects(kv.batchGet(["small", "large"]), code("kv", "value_is_stream"));
    assert.deepEqual(await kv.list(""), [
      ["large", ""],
      ["small", "abc"],
    ]);
    assert.deepEqual(await blob.list(), [], "they are none of c.blob");
    await turn();
    let later: ActorKv | undefined;
    await (
      await w.wake(
        actor({
          onWake: (c) => {
            later = c.kv;
          },
        }),
      )
    ).ready;
    assert.equal((await collected(await later?.getStream("large")))?.length, 2_097_153);
  });

  test("use a single commit, however many turns end when they arrive", async () => {
    const w = world();
    const { put } = w.store.blobs;
    let closeTurns: (() => void) | undefined;
    Object.assign(w.store.blobs, {
      put: async (...args: Parameters<typeof put>) => {
        const info = await put.apply(w.store.blobs, args);
        closeTurns?.();
        return info;
      },
    });
    const instance = w.create(
      actor({
        actions: {
          put: (c) => c.kv.putStream("large", pieces("x".repeat(2_097_153))),
          look: () => undefined,
        },
      }),
    );
    await instance.ready;
    closeTurns = async () => {
      for (let tick = 0; tick < 12; tick++) {
        await undefined;
        void call(instance, "look");
      }
    };
    const before = w.store.commits.length;
    await call(instance, "put");
    const written = w.store.commits.slice(before).map(({ kv }) => kv?.length);
    assert.deepEqual(written, [3], "the object's reference, what the key is, and its entry");
  });

  test("lose their bytes when they are overwritten, deleted, or in a deleted range", async () => {
    const { kv, w } = await open();
    const big = (letter: string) => pieces(letter.repeat(2_100_000));
    const left = async () => {
      for (let rounds = 0; rounds < 4; rounds++) await turn();
      return (await w.store.blobs.list("a")).length;
    };
    await kv.putStream("a", big("a"));
    await kv.putStream("b", big("a"));
    assert.equal(await left(), 1, "the same content is kept once");
    await kv.put("a", "small");
    assert.equal(await kv.get("a"), "small");
    assert.equal(await left(), 1);
    await kv.putStream("b", big("b"));
    assert.equal(await left(), 1);
    await kv.putStream("c", big("c"));
    await kv.deleteRange("b", "d");
    assert.equal(await kv.getStream("c"), undefined);
    assert.equal(await left(), 0);
    await kv.putStream("d", big("d"));
    await kv.delete("d");
    assert.equal(await left(), 0);
  });
});

describe("batches of c.kv", () => {
  test("use the same keys as single calls", async () => {
    const { kv } = await open();
    await kv.put("a", "1");
    await kv.batchPut([
      ["b", "2"],
      [new TextEncoder().encode("c"), new Uint8Array([3])],
    ]);
    const bytes = (value: string) => new TextEncoder().encode(value);
    assert.deepEqual(await kv.batchGet(["a", bytes("b"), "none", "c"]), [
      bytes("1"),
      bytes("2"),
      null,
      new Uint8Array([3]),
    ]);
    assert.deepEqual(await kv.batchGet(["a", "none"], { type: "text" }), ["1", null]);
    assert.equal(await kv.get("b"), "2");
    await kv.batchDelete(["a", "c"]);
    assert.deepEqual(await kv.listPrefix(""), [["b", "2"]]);
  });

  test("are atomic; limits at, below and above the bounds", async () => {
    const { kv } = await open();
    const entries = (count: number) => Array.from({ length: count }, (_, at) => [`k${at}`, "v"] as const);
    await kv.batchPut(entries(16_384));
    await assert.rejects(kv.batchPut(entries(16_385)), code("kv", "too_many_keys"));
    await assert.rejects(kv.batchGet(entries(16_385).map(([key]) => key)), code("kv", "too_many_keys"));
    await assert.rejects(kv.batchDelete(entries(16_385).map(([key]) => key)), code("kv", "too_many_keys"));
    await assert.rejects(
      kv.batchPut([
        ["new", "v"],
        [7 as never, "v"],
      ]),
      code("kv", "invalid_key"),
    );
    await assert.rejects(
      kv.batchPut([
        ["new", "v"],
        ["x", 5 as never],
      ]),
      code("kv", "invalid_value"),
    );
    await assert.rejects(kv.batchPut("ab" as never), code("kv", "invalid_value"));
    const value = new Uint8Array(2_097_152);
    const eight = Array.from({ length: 8 }, (_, at) => [`b${at}`, value] as const);
    await assert.rejects(kv.batchPut(eight), code("kv", "batch_too_large"));
    await kv.batchPut(eight.slice(1));
    assert.equal(await kv.get("new"), null);
    assert.equal(await kv.get("b0"), null);
  });
});
