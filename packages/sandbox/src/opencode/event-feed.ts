import type { ServerResponse } from "node:http";
import type { WireEvent } from "./wire.ts";

/** Something that happened, with where: as it is kept for those who come back. */
interface Kept {
  readonly id: number;
  readonly directory: string | undefined;
  readonly text: string;
  readonly bytes: number;
}

export interface FeedReader {
  /** Only what happened there, and what is about no directory. */
  readonly directory: string | undefined;
  /** As `/global/event` tells it: with the directory around. */
  readonly wrapped: boolean;
  /** The last id that the reader has; undefined for what comes from now on. */
  readonly after: number | undefined;
}

const maxKept = 2_048;
const maxKeptBytes = 8 * 1_048_576;
/** A reader that has not taken this much is cut: it comes back with the last id that it has. */
const maxUnsentBytes = 16 * 1_048_576;

/** Server-sent events of what happens in all sessions; the newest are kept for readers that come back. */
export class Feed {
  readonly #heartbeatMs: number;
  readonly #onFirst: () => void;
  readonly #onLast: () => void;
  readonly #readers = new Map<ServerResponse, FeedReader>();
  readonly #kept: Kept[] = [];
  #bytes = 0;
  #last = 0;

  constructor(heartbeatMs: number, onFirst: () => void, onLast: () => void) {
    this.#heartbeatMs = heartbeatMs;
    this.#onFirst = onFirst;
    this.#onLast = onLast;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  publish(event: WireEvent, directory: string | undefined): void {
    this.#last += 1;
    const text = JSON.stringify({ id: `evt_${String(this.#last).padStart(12, "0")}`, ...event });
    const kept = { id: this.#last, directory, text, bytes: Buffer.byteLength(text) };
    this.#keep(kept);
    for (const [response, reader] of this.#readers) send(response, reader, kept);
  }

  /** Serves one reader on a response whose head is not written yet. */
  open(response: ServerResponse, reader: FeedReader): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    if (this.#readers.size === 0) this.#onFirst();
    this.#readers.set(response, reader);
    const greet = (type: string, id?: number) => sendPlain(response, reader, type, id);
    const { after } = reader;
    // A number from the future is that of an earlier life of the server: such a reader gets what comes.
    const seen = Math.min(after ?? this.#last, this.#last);
    greet("server.connected", seen);
    greet("worktree.ready", seen);
    if (after !== undefined) {
      for (const kept of this.#kept) if (kept.id > after) send(response, reader, kept);
    }
    const beat = setInterval(() => greet("server.heartbeat"), this.#heartbeatMs);
    response.once("close", () => {
      clearInterval(beat);
      this.#readers.delete(response);
      if (this.#readers.size === 0) this.#onLast();
    });
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept);
    this.#bytes += kept.bytes;
    while (this.#kept.length > maxKept || (this.#bytes > maxKeptBytes && this.#kept.length > 1)) {
      this.#bytes -= this.#kept.shift()?.bytes ?? 0;
    }
  }
}

function send(response: ServerResponse, reader: FeedReader, { id, directory, text }: Kept): void {
  if (reader.directory !== undefined && directory !== undefined && directory !== reader.directory) return;
  write(response, wrap(reader, directory, text), id);
}

function sendPlain(response: ServerResponse, reader: FeedReader, type: string, id?: number): void {
  write(response, wrap(reader, undefined, JSON.stringify({ type, properties: {} })), id);
}

function wrap(reader: FeedReader, directory: string | undefined, text: string): string {
  if (!reader.wrapped) return text;
  const place = directory ?? reader.directory;
  return place === undefined
    ? `{"payload":${text}}`
    : `{"directory":${JSON.stringify(place)},"payload":${text}}`;
}

function write(response: ServerResponse, data: string, id: number | undefined): void {
  response.write(`${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
  if (response.writableLength > maxUnsentBytes) response.destroy();
}
