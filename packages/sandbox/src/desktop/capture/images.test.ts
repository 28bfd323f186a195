import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { findProgram } from "../display/programs.ts";
import { FfmpegEncoder, loadEncoder } from "./encoder.ts";
import { rgbBytes, toRgb } from "./pixels.ts";
import { ReusedBuffer } from "./reused-buffer.ts";

const colors = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [1, 2, 3],
  [250, 251, 252],
] as const;

/** A frame of these colors, as the X server has them. */
function frameOf(width: number, height: number, at = 0) {
  const buffer = Buffer.alloc(at + width * height * 4, 0xee);
  for (let index = 0; index < width * height; index += 1) {
    const [red, green, blue] = colors[index % colors.length] ?? [0, 0, 0];
    buffer.set([blue, green, red], at + index * 4);
  }
  return { width, height, pixels: buffer.subarray(at) };
}

/** As a screenshot has it. */
function rgbOf(frame: ReturnType<typeof frameOf>) {
  return toRgb(frame, Buffer.allocUnsafeSlow(rgbBytes(frame.width, frame.height)));
}

test("pixels keep their colors, for any number of them and at any place in memory", () => {
  for (const [width, height] of [
    [1, 1],
    [5, 1],
    [8, 3],
    [7, 5],
  ] as const) {
    const expected = Array.from({ length: width * height }, (_each, index) => colors[index % 5] ?? []).flat();
    for (const at of [0, 3]) assert.deepEqual([...rgbOf(frameOf(width, height, at)).bytes], expected);
  }
});

const ffmpeg = findProgram("ffmpeg", process.env["PATH"]);

for (const [name, load] of [
  ["sharp", () => loadEncoder(undefined)],
  ["ffmpeg", async () => new FfmpegEncoder(ffmpeg)],
] as const) {
  test(`${name} writes all formats`, async () => {
    const encoder = await load();
    const image = rgbOf(frameOf(40, 20));
    for (const format of ["png", "jpeg", "webp"] as const) {
      const options = { format, quality: 80, scale: 0.5, showCursor: false };
      const read = await sharp(await encoder.encode(image, options)).metadata();
      assert.deepEqual([read.format, read.width, read.height], [format, 20, 10]);
    }
    const exact = await encoder.encode(image, { format: "png", quality: 1, scale: 1, showCursor: false });
    assert.deepEqual(await sharp(exact).removeAlpha().raw().toBuffer(), image.bytes);
  });
}

test("without sharp and ffmpeg, the error says what to install", async () => {
  const encoder = new FfmpegEncoder(undefined);
  const options = { format: "png", quality: 1, scale: 1, showCursor: false } as const;
  await assert.rejects(encoder.encode(rgbOf(frameOf(1, 1)), options), /sharp or the program ffmpeg/);
});

test("a buffer is used again, and by one image at a time", async () => {
  const buffers = new ReusedBuffer();
  const take = (bytes: number) => buffers.use(bytes, async (buffer) => buffer);
  const first = await take(24);
  assert.equal(await take(12), first);
  assert.ok((await take(36)).length >= 36);
  const [one, other] = await Promise.all([take(36), take(36)]);
  assert.notEqual(one, other);
});
