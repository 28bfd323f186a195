import type { Frame } from "./screen.ts";

/** Three bytes a pixel: red, green, blue. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

/** Bytes that {@link toRgb} needs for an image of this size. */
export function rgbBytes(width: number, height: number): number {
  return Math.ceil((width * height * 3) / 12) * 12;
}

/**
 * Copies a frame into the beginning of `bytes`, which is aligned, without the unused bytes of its pixels: four pixels at
 * a time, three words instead of twelve bytes.
 */
export function toRgb({ width, height, pixels }: Frame, bytes: Buffer): RgbImage {
  const count = width * height;
  const target = new Uint32Array(bytes.buffer, bytes.byteOffset, rgbBytes(width, height) / 4);
  const source = words(pixels, count);
  const groups = count >> 2;
  for (let group = 0, from = 0, to = 0; group < groups; group += 1, from += 4, to += 3) {
    const a = source[from] ?? 0;
    const b = source[from + 1] ?? 0;
    const c = source[from + 2] ?? 0;
    const d = source[from + 3] ?? 0;
    target[to] = ((a >>> 16) & 0xff) | (a & 0xff00) | ((a & 0xff) << 16) | ((b & 0xff0000) << 8);
    target[to + 1] = ((b >>> 8) & 0xff) | ((b & 0xff) << 8) | (c & 0xff0000) | ((c & 0xff00) << 16);
    target[to + 2] = (c & 0xff) | ((d >>> 8) & 0xff00) | ((d & 0xff00) << 8) | ((d & 0xff) << 24);
  }
  for (let index = groups * 4; index < count; index += 1) {
    const pixel = source[index] ?? 0;
    bytes[index * 3] = pixel >>> 16;
    bytes[index * 3 + 1] = pixel >>> 8;
    bytes[index * 3 + 2] = pixel;
  }
  return { width, height, bytes: bytes.subarray(0, count * 3) };
}

/** The pixels as little-endian words, as all platforms of Node have them. */
function words(pixels: Buffer, count: number): Uint32Array {
  if (pixels.byteOffset % 4 === 0) return new Uint32Array(pixels.buffer, pixels.byteOffset, count);
  const aligned = Uint8Array.prototype.slice.call(pixels, 0, count * 4);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, count);
}
