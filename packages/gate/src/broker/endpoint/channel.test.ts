import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader, frameKinds, packFrame } from "./channel.ts";

function reader() {
  const frames: [number, string][] = [];
  return { frames, reader: new FrameReader((kind, body) => frames.push([kind, body.toString()])) };
}

test("frames are read, however their bytes come", () => {
  const bytes = Buffer.concat([
    packFrame(frameKinds.ready, Buffer.from("one")),
    packFrame(frameKinds.ready),
    packFrame(frameKinds.ready, Buffer.from("three")),
  ]);
  const expected = ["one", "", "three"].map((body) => [frameKinds.ready, body]);
  const whole = reader();
  whole.reader.push(bytes);
  assert.deepEqual(whole.frames, expected);
  const single = reader();
  for (const byte of bytes) single.reader.push(Buffer.from([byte]));
  assert.deepEqual(single.frames, expected);
});

test("a length that no frame has ends the stream, before anything of it is kept", () => {
  for (const length of [0, 8 * 1024 * 1024 + 1, 0xffff_ffff]) {
    const head = Buffer.alloc(5);
    head.writeUInt32LE(length, 0);
    assert.throws(() => reader().reader.push(head), { message: `a frame of ${length} bytes` });
  }
});
