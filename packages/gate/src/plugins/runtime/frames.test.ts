import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeFrame, FrameReader, maxFrameBytes, maxFrameDepth } from "./frames.ts";

const messages = [{ type: "a" }, 1, "ä€🙂".repeat(1_000), [], null];
const bytes = Buffer.concat(messages.map(encodeFrame));

test("frames are the same messages however the stream is cut", () => {
  for (const size of [1, 2, 3, 4, 5, 7, 64, 4_096, bytes.length]) {
    const reader = new FrameReader();
    const seen: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) seen.push(...reader.push(bytes.subarray(at, at + size)));
    assert.deepEqual(seen, messages, `in pieces of ${size}`);
  }
});

test("a frame that is longer than one may be is refused by its length, and one of no JSON by its text", () => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(maxFrameBytes + 1, 0);
  assert.throws(() => new FrameReader().push(head), { message: `a frame of ${maxFrameBytes + 1} bytes` });
  assert.deepEqual(new FrameReader().push(head.subarray(0, 3)), []);
  head.writeUInt32BE(maxFrameBytes, 0);
  assert.deepEqual(new FrameReader().push(head), []);
  assert.throws(() => new FrameReader().push(Buffer.from([0, 0, 0, 1, 0x7b])), SyntaxError);
});

test("a frame that is nested deeper than one may be is refused before it is parsed, whatever is in its texts", () => {
  const framed = (json: string) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(Buffer.byteLength(json), 0);
    return Buffer.concat([head, Buffer.from(json)]);
  };
  const nested = (depth: number) => '{"a":['.repeat(depth / 2) + "]}".repeat(depth / 2);
  const texts = ["[{".repeat(20_000), '\\"[\\\\"'.repeat(2_000), "\\".repeat(20_001), '"'.repeat(5_000)];
  const within = `[${[...texts, ""].map((text) => JSON.stringify(text)).join(",")},${nested(maxFrameDepth - 2)}]`;
  assert.deepEqual(new FrameReader().push(framed(within)), [JSON.parse(within)]);
  const beyond = `[${texts.map((text) => JSON.stringify(text)).join(",")},${nested(maxFrameDepth)}]`;
  assert.throws(() => new FrameReader().push(framed(beyond)), { message: "a frame is nested too deep" });
  // Half of a string, which is no JSON: it is read to its end once.
  assert.throws(() => new FrameReader().push(framed(`"${"x".repeat(20_000)}`)), SyntaxError);
});
