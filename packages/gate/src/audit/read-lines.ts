import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/**
 * The lines of a file (which stays open where it was) from byte `start` on, in constant memory: of a line longer than `maxBytes` only
 * that much is given, which is then no valid line. A last line without an end is given too.
 */
export async function* readLines(
  source: string | FileHandle,
  maxBytes: number,
  start = 0,
): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  const keep = (part: Buffer) => {
    const room = maxBytes - heldBytes;
    if (room > 0 && part.length > 0) held.push(part.subarray(0, room));
    heldBytes += part.length;
  };
  const take = (): string => {
    const line = (held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held)).toString(
      "utf8",
    );
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
      yield take();
      from = end + 1;
    }
    // A copy, since a part of a chunk would keep the whole chunk in memory.
    keep(Buffer.from(data.subarray(from)));
  }
  if (heldBytes > 0) yield take();
}
