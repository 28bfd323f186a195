import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OutputRing } from "./log-ring.ts";

const text = (ring: OutputRing) => ring.read(ring.firstOffset, ring.retainedBytes).toString();

describe("the output ring buffer", () => {
  test("retains exactly its limit, below, at and above it, and across blocks", () => {
    for (const limit of [1, 10, 65_535, 65_536, 65_537, 200_000]) {
      for (const size of [limit - 1, limit, limit + 1, limit * 3]) {
        const ring = new OutputRing(limit);
        const bytes = Buffer.from(Array.from({ length: size }, (_, at) => at % 251));
        for (let at = 0; at < size; at += 10_007) ring.append("stdout", bytes.subarray(at, at + 10_007), 1);
        assert.equal(ring.nextOffset, size);
        assert.equal(ring.retainedBytes, Math.min(size, limit));
        assert.deepEqual(ring.read(ring.firstOffset, size), bytes.subarray(Math.max(0, size - limit)));
      }
    }
  });

  test("splits and numbers entries, and returns the retained part of the oldest", () => {
    const ring = new OutputRing(10_000);
    ring.append("stdout", Buffer.alloc(8_193, "a"), 1);
    ring.append("stderr", Buffer.from("bc"), 2);
    assert.deepEqual([ring.firstSequence, ring.lastSequence], [1, 3]);
    assert.equal(ring.entry(1)?.bytes.length, 8_192);
    assert.equal(ring.entry(2)?.bytes.toString(), "a");
    assert.deepEqual(ring.entry(3), {
      sequence: 3,
      stream: "stderr",
      timestampMs: 2,
      offset: 8_193,
      bytes: Buffer.from("bc"),
    });
    assert.equal(ring.entry(0), undefined);
    assert.equal(ring.entry(4), undefined);
  });

  test("drops the oldest bytes, even within an entry", () => {
    const ring = new OutputRing(4);
    ring.append("stdout", Buffer.from("1234aa"), 1);
    ring.append("stderr", Buffer.from("bc"), 2);
    assert.equal(text(ring), "aabc");
    assert.deepEqual(
      [ring.firstSequence, ring.entry(1)?.offset, ring.entry(1)?.bytes.toString()],
      [1, 4, "aa"],
    );
    ring.append("stdout", Buffer.from("defgh"), 3);
    assert.deepEqual([ring.firstSequence, ring.lastSequence, text(ring)], [3, 3, "efgh"]);
  });

  test("bounds the overhead of single-byte entries", () => {
    const ring = new OutputRing(160_000);
    const one = Buffer.from("x");
    for (let at = 0; at < 100_000; at += 1) ring.append("pty", one, at);
    assert.equal(ring.lastSequence, 100_000);
    assert.equal(ring.retainedBytes, 10_000);
    assert.equal(ring.entry(ring.firstSequence)?.offset, 90_000);
  });
});
