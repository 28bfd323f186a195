import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** How long to wait for a writer to complete the last line. */
const writingMs = 100;

interface Line {
  readonly text: string;
  /** Bytes of the complete line, including its line break. */
  readonly bytes: number;
  /** False for a last line without a line break. */
  readonly whole: boolean;
}

function linesOf(source: string | FileHandle, maxBytes: number, start: number): AsyncGenerator<Line> {
  const options = { start, highWaterMark: 256 * 1024 };
  const stream =
    typeof source === "string"
      ? createReadStream(source, options)
      : source.createReadStream({ ...options, autoClose: false });
  return splitLines(stream, maxBytes);
}

async function* splitLines(stream: AsyncIterable<unknown>, maxBytes: number): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const keep = (part: Buffer) => {
    const room = maxBytes - heldBytes;
    if (room > 0 && part.length > 0) held.push(part.subarray(0, room));
    heldBytes += part.length;
  };
  const take = (whole: boolean): Line => {
    const all = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held);
    const line = { text: all.toString("utf8"), bytes: heldBytes + (whole ? 1 : 0), whole };
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of stream) {
    const data = chunk as Buffer;
    let from = 0;
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a, from)) {
      keep(data.subarray(from, end));
      yield take(true);
      from = end + 1;
    }
    // Copied: a slice would retain the whole chunk in memory.
    keep(Buffer.from(data.subarray(from)));
  }
  if (heldBytes > 0) yield take(false);
}

/**
 * Reads the lines of a file from byte `start` in constant memory. A line longer than `maxBytes` is truncated, which
 * makes it invalid. The last line may lack its line break. The file stays open.
 */
export async function* readLines(
  source: string | FileHandle,
  maxBytes: number,
  start = 0,
): AsyncGenerator<string> {
  for await (const { text } of linesOf(source, maxBytes, start)) yield text;
}

/** As {@link readLines}, for content that arrives in pieces. */
export async function* readPieces(pieces: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  for await (const { text } of splitLines(pieces, maxBytes)) yield text;
}

/**
 * As {@link readLines}, for a file that may be written at the same time, up to the last line that starts before byte
 * `until`. An incomplete last line is returned only if it did not grow during a `wait`.
 */
export async function* readWrittenLines(
  file: FileHandle,
  maxBytes: number,
  until: number = Number.POSITIVE_INFINITY,
  wait: () => Promise<unknown> = () => delay(writingMs),
): AsyncGenerator<string> {
  let start = 0;
  let left: number | undefined;
  for (;;) {
    let torn: Line | undefined;
    for await (const line of linesOf(file, maxBytes, start)) {
      if (start >= until) return;
      if (!line.whole) {
        torn = line;
        continue;
      }
      start += line.bytes;
      yield line.text;
    }
    if (torn === undefined) return;
    const end = start + torn.bytes;
    if (end === left) {
      yield torn.text;
      return;
    }
    left = end;
    await wait();
  }
}
