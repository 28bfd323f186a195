import type { Duplex } from "node:stream";

/** Flow-control window of each stream and message size, in bytes. */
const windowBytes = 1_048_576;

/** Settings of both sides of a link, for many small requests and some large ones. */
export const sessionSettings = {
  settings: {
    initialWindowSize: windowBytes,
    maxConcurrentStreams: 65_536,
    enablePush: false,
  },
  /** In megabytes. The default of 10 would refuse streams when many wait. */
  maxSessionMemory: 1_024,
  maxHeaderListPairs: 1_000,
} as const;

const maxJsonBytes = 65_536;

/** Reads a small JSON body. Throws if it is longer than 64 KiB. */
export async function readJson(stream: Duplex): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxJsonBytes) throw new RangeError("The message is too long");
    chunks.push(chunk);
  }
  return chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
