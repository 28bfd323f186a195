import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decodeValue, HoldfastError, isErrorCode } from "@holdfast/core";
import { actor, type ResultStream } from "../src/index.ts";
import { call, deferred, outcome, turn, world } from "./harness.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Reads chunks as they arrive; `hold` delays the next one until `go`. */
function reader(): ResultStream & { readonly seen: unknown[]; hold: boolean; go(): void } {
  const seen: unknown[] = [];
  let next = deferred();
  const self = {
    seen,
    hold: false,
    begin: () => void seen.push("begin"),
    chunk: (value: Uint8Array): Promise<void> | void => {
      seen.push(decodeValue(value));
      if (self.hold) return next.promise;
    },
    go: () => {
      next.resolve();
      next = deferred();
    },
  };
  return self;
}

const counter = actor({
  state: { n: 0 },
  options: { actionTimeout: 1_000 },
  actions: {
    count: async function* (c, to: number) {
      for (let i = 0; i < to; i++) {
        c.state.n++;
        yield c.state.n;
      }
    },
    stuck: async function* (c) {
      yield 1;
      await new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve));
    },
    n: (c) => c.state.n,
  },
});

describe("streamed results", () => {
  test("each chunk is sent after the preceding commit", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const stream = reader();
    w.store.hold = true;
    const done = instance.invoke({ name: "count", args: [2], stream });
    await turn();
    await turn();
    assert.deepEqual(stream.seen, ["begin"], "the first piece waits for the change before it");
    w.store.held.shift()?.land();
    await turn();
    await turn();
    assert.deepEqual(stream.seen, ["begin", 1]);
    assert.equal(await outcome(done), "pending");
    w.store.hold = false;
    while (w.store.held.length > 0) w.store.held.shift()?.land();
    await done;
    assert.deepEqual(stream.seen, ["begin", 1, 2]);
  });

  test("consumed chunks do not stay in memory until the stream ends", async () => {
    const made: WeakRef<object>[] = [];
    const last = deferred();
    const generous = actor({
      actions: {
        give: async function* () {
          for (let i = 0; i < 10; i++) {
            const piece = { i };
            made.push(new WeakRef(piece));
            yield piece;
          }
          last.resolve();
          await new Promise(() => {});
        },
      },
    });
    const instance = world().create(generous);
    const done = instance.invoke({ name: "give", args: [], stream: reader() });
    done.catch(() => {});
    await last.promise;
    await turn();
    collectGarbage();
    assert.deepEqual(
      made.slice(0, 8).map((piece) => piece.deref()),
      Array.from({ length: 8 }, () => undefined),
    );
  });

  test("a failed commit discards the chunks", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const stream = reader();
    w.store.hold = true;
    const done = instance.invoke({ name: "count", args: [2], stream });
    done.catch(() => {});
    await turn();
    w.store.held.shift()?.fail(new HoldfastError("store", "full", "full"));
    await assert.rejects(done, (error) => isErrorCode(error, "store", "full"));
    assert.deepEqual(stream.seen, ["begin"]);
  });

  test("the next chunk is created when the reader has room; a reader that never has ends the stream", async () => {
    const w = world();
    const instance = w.create(counter);
    const stream = reader();
    stream.hold = true;
    const done = instance.invoke({ name: "count", args: [100], stream });
    done.catch(() => {});
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(await call(instance, "n"), 1);
    stream.go();
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(await call(instance, "n"), 2);
    w.ports.advance(1_000);
    await assert.rejects(done, (error) => isErrorCode(error, "action", "stream_stalled"));
    assert.equal(await call(instance, "n"), 2);
  });

  test("a caller without streaming support gets an error, and a caller that leaves ends the stream", async () => {
    const w = world();
    const instance = w.create(counter);
    await assert.rejects(instance.invoke({ name: "count", args: [2] }), (error) =>
      isErrorCode(error, "action", "stream_not_supported"),
    );
    assert.equal(await call(instance, "n"), 0, "nothing of it has run");
    const abort = new AbortController();
    const stream = reader();
    const done = instance.invoke({ name: "stuck", args: [], stream, signal: abort.signal });
    done.catch(() => {});
    for (let i = 0; i < 3; i++) await turn();
    // No action timeout during the stream.
    w.ports.advance(5_000);
    assert.equal(await outcome(done), "pending");
    abort.abort();
    await assert.rejects(done, (error) => isErrorCode(error, "action", "aborted"));
    const slept = instance.sleep();
    assert.equal(await slept, "slept");
  });

  test("a retry neither joins nor repeats the stream", async () => {
    const w = world();
    const instance = w.create(counter);
    const stream = reader();
    stream.hold = true;
    const first = instance.invoke({ name: "count", args: [1], stream, idempotencyKey: "k" });
    for (let i = 0; i < 3; i++) await turn();
    const again = () => instance.invoke({ name: "count", args: [1], stream: reader(), idempotencyKey: "k" });
    const refused = (error: unknown): boolean => isErrorCode(error, "action", "stream_not_replayable");
    await assert.rejects(again(), refused);
    stream.go();
    await first;
    await assert.rejects(again(), refused);
    assert.equal(await call(instance, "n"), 1);
  });

  test("a stop aborts the stream", async () => {
    const w = world();
    const instance = w.create(counter);
    const stream = reader();
    const done = instance.invoke({ name: "stuck", args: [], stream });
    done.catch(() => {});
    for (let i = 0; i < 3; i++) await turn();
    assert.equal(await instance.sleep(), "slept");
    await assert.rejects(done);
  });
});
