/** File format of an exported actor. */
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { ByteQueue } from "../raw/byte-queue.ts";
import { crc32 } from "./crc32.ts";

/**
 * Format of an export file: "HFex", the format version, then frames. A frame is the length of its content, the
 * checksum of the content (since version 2), and the content, an encoded value. Numbers are 32-bit, big-endian.
 */

const magic = Uint8Array.of(0x48, 0x46, 0x65, 0x78);
const version = 2;
/** The largest state is 64 MiB and stored in one frame; other frames can be larger. */
const maxFrameBytes = 512 * 1_048_576;

export const fileHeader: Uint8Array = Uint8Array.of(...magic, version);

export function frame(value: unknown): Uint8Array {
  const bytes = encodeValue(value);
  const framed = new Uint8Array(8 + bytes.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, crc32(bytes));
  framed.set(bytes, 8);
  return framed;
}

/** Reassembles the written frames from chunks of any size. Throws `store.invalid_import`, `store.format_too_new`. */
export async function* readFrames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Record<string, unknown>> {
  const buffered = new ByteQueue();
  let isChecked: boolean | undefined;
  for await (const piece of source) {
    buffered.add(piece);
    if (isChecked === undefined) {
      if (buffered.length < fileHeader.length) continue;
      isChecked = readVersion(buffered.take(fileHeader.length)) > 1;
    }
    const headBytes = isChecked ? 8 : 4;
    for (
      let length = frameLength(buffered, headBytes);
      length !== undefined;
      length = frameLength(buffered, headBytes)
    ) {
      const framed = buffered.take(headBytes + length);
      const bytes = framed.subarray(headBytes);
      if (isChecked && readUint32(framed, 4) !== crc32(bytes))
        throw invalidImport("A part of the file is damaged");
      yield decodeFrame(bytes);
    }
  }
  if (isChecked === undefined || buffered.length > 0) throw invalidImport("The file is truncated");
}

/** Length of the next frame's content; undefined until the buffer contains its head. */
function frameLength(buffered: ByteQueue, headBytes: number): number | undefined {
  if (buffered.length < headBytes) return undefined;
  const length = readUint32(buffered.peek(4), 0);
  if (length > maxFrameBytes) throw invalidImport("A part of the file is longer than an export can contain");
  return buffered.length < headBytes + length ? undefined : length;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

function readVersion(bytes: Uint8Array): number {
  for (const [at, byte] of magic.entries()) {
    if (bytes[at] !== byte) throw invalidImport("The file is not an export of an actor");
  }
  const found = bytes[magic.length] ?? 0;
  if (found >= 1 && found <= version) return found;
  const message = `The file has format ${found}; this release supports formats up to ${version}`;
  throw new HoldfastError("store", "format_too_new", message);
}

function decodeFrame(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value = decodeValue(bytes);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw invalidImport("A part of the file is damaged", cause);
  }
  throw invalidImport("A part of the file is damaged");
}

/** Creates the error for an invalid import; also used by stores. */
export function invalidImport(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("store", "invalid_import", message, {
    statusCode: 400,
    ...(cause === undefined ? {} : { cause }),
  });
}
