import assert from "node:assert/strict";
import { test } from "node:test";
import { vp9Marker } from "./vp9-packets.ts";

/** A packet with this payload, as ffmpeg writes it. */
const packet = (...payload: readonly number[]) => Buffer.from([0x80, 96, ...Array(10).fill(0), ...payload]);

test("packets of a frame that needs another one are marked, those of key frames are not", () => {
  const mark = vp9Marker();
  const marked = (...payload: readonly number[]) => {
    const bytes = packet(...payload);
    mark(bytes);
    return [...bytes.subarray(12)];
  };
  // A key frame in three packets, then another frame in two, then a key frame in one.
  assert.deepEqual(marked(0x08, 0x82, 1), [0x08, 0x82, 1]);
  assert.deepEqual(marked(0x00, 0x86), [0x00, 0x86]);
  assert.deepEqual(marked(0x04, 7), [0x04, 7]);
  assert.deepEqual(marked(0x08, 0x86, 1), [0x48, 0x86, 1]);
  assert.deepEqual(marked(0x04, 0x82), [0x44, 0x82]);
  assert.deepEqual(marked(0x0c, 0x82), [0x0c, 0x82]);
  assert.deepEqual(marked(), []);
});
