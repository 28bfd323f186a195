import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** How long whoever writes a last line without an end is waited for. */
const writingMs = 100;

interface Line {
  readonly text: string;
  /** Of the whole line, with its end. */
  readonly bytes: number;
  /** False for a last line without an end. */
  readonly whole: boolean;
}

async function* linesOf(source: string | FileHandle, maxBytes: number, start: number): AsyncGenerator<Line> {
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
  const options = { start, highWaterMark: 256 * 1024 };
  const stream =
    typeof source === "string"
      ? createReadStream(source, options)
      : source.createReadStream({ ...options, autoClose: false });
  for await (const chunk of stream) {
    const data = chunk as Buffer;
    let from = 0;
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a, from)) {
      keep(data.subarray(from, end));
      yield take(true);
      from = end + 1;
    }
    // A copy, since a part of a chunk would keep the whole chunk in memory.
    keep(Buffer.from(data.subarray(from)));
  }
  if (heldBytes > 0) yield take(false);
}

/**
 * The lines of a file (which stays open where it was) from byte `start` on, in constant memory: of a line
 * longer than `maxBytes` only that much is given, which is then no valid line. A last line without an end is
 * given too.
 */
export async function* readLines(
  source: string | FileHandle,
  maxBytes: number,
  start = 0,
): AsyncGenerator<string> {
  for await (const { text } of linesOf(source, maxBytes, start)) yield text;
}

/**
 * {@link readLines} of a file that somebody may be writing, up to the last that begins before byte `until`: a last
 * line without an end is given only once nobody has gone on with it during a `wait`.
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
