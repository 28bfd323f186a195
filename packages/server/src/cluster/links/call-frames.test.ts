import assert from "node:assert/strict";
import { test } from "node:test";
import { type CallFrame, encodeFrame, FrameReader } from "./call-frames.ts";

const head = {
  kind: "request",
  method: "POST",
  path: "/ä",
  authority: "host",
  revision: 3,
  headers: { a: "1" },
};
const sent = Buffer.concat([
  encodeFrame("request", 1, head, new Uint8Array([1, 2, 3])),
  encodeFrame("cancel", 2, undefined),
  encodeFrame("response", 4_294_967_295, { status: 200, headers: {} }, "täxt"),
  encodeFrame("streamed", 4, undefined),
]);

test("frames are read whatever the pieces in which they arrive", () => {
  for (let size = 1; size <= sent.length; size++) {
    const found: CallFrame[] = [];
    const reader = new FrameReader((frame) => found.push(frame));
    for (let at = 0; at < sent.length; at += size) {
      const piece = Buffer.from(sent.subarray(at, at + size));
      reader.push(piece);
      if (at + size < sent.length) continue;
      // Heads and bodies are copies.
      piece.fill(0xff);
      assert.deepEqual(
        found.map(({ type, call, head, body }) => [type, call, head, Buffer.from(body).toString("latin1")]),
        [
          ["request", 1, head, "\x01\x02\x03"],
          ["cancel", 2, undefined, ""],
          ["response", 4_294_967_295, { status: 200, headers: {} }, Buffer.from("täxt").toString("latin1")],
          ["streamed", 4, undefined, ""],
        ],
      );
    }
  }
});

test("what is no frame is refused", () => {
  const read = (bytes: Buffer) => () => new FrameReader(() => undefined).push(bytes);
  const frame = encodeFrame("cancel", 1, undefined);
  assert.throws(read(Buffer.from([0xff, 0, 0, 0])), /too long/);
  assert.throws(read(Buffer.from([0, 0, 0, 1])), /too long/);
  const type = Buffer.from(frame);
  type[4] = 9;
  assert.throws(read(type), /malformed/);
  const length = Buffer.from(frame);
  length.writeUInt32BE(1, 9);
  assert.throws(read(length), /malformed/);
});
