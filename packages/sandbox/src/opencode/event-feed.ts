import type { ServerResponse } from "node:http";
import type { WireEvent } from "./wire.ts";

/** An event in the replay buffer, with the directory that it belongs to. */
interface BufferedEvent {
  readonly id: number;
  readonly directory: string | undefined;
  readonly text: string;
  readonly bytes: number;
}

/** What a reader of the event stream receives. */
export interface FeedReader {
  /** Limits the stream to events of this directory and of none. */
  readonly directory: string | undefined;
  /** Wraps each event with its directory, as `/global/event` does. */
  readonly wrapped: boolean;
  /** Id of the last event that the reader has received. Undefined starts with the next event. */
  readonly lastEventId: number | undefined;
}

const maxBufferedEvents = 2_048;
const maxBufferedBytes = 8 * 1_048_576;
/** A reader with more unsent bytes is disconnected. It can reconnect with its last event id. */
const maxUnsentBytes = 16 * 1_048_576;

/** Server-sent events of all sessions, with a replay buffer for readers that reconnect. */
export class EventFeed {
  readonly #heartbeatMs: number;
  readonly #onFirst: () => void;
  readonly #onLast: () => void;
  readonly #readers = new Map<ServerResponse, FeedReader>();
  readonly #buffer: BufferedEvent[] = [];
  #bufferedBytes = 0;
  #lastId = 0;

  constructor(heartbeatMs: number, onFirst: () => void, onLast: () => void) {
    this.#heartbeatMs = heartbeatMs;
    this.#onFirst = onFirst;
    this.#onLast = onLast;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  publish(event: WireEvent, directory: string | undefined): void {
    this.#lastId += 1;
    const text = JSON.stringify({ id: `evt_${String(this.#lastId).padStart(12, "0")}`, ...event });
    const buffered = { id: this.#lastId, directory, text, bytes: Buffer.byteLength(text) };
    this.#append(buffered);
    for (const [response, reader] of this.#readers) send(response, reader, buffered);
  }

  /** Streams events to one reader. The response head must not be written yet. */
  addReader(response: ServerResponse, reader: FeedReader): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    if (this.#readers.size === 0) this.#onFirst();
    this.#readers.set(response, reader);
    const sendStatus = (type: string, id?: number) => sendControl(response, reader, type, id);
    const { lastEventId } = reader;
    // An id from the future belongs to an earlier run of the server, so nothing is replayed.
    const currentId = Math.min(lastEventId ?? this.#lastId, this.#lastId);
    sendStatus("server.connected", currentId);
    sendStatus("worktree.ready", currentId);
    if (lastEventId !== undefined) {
      for (const event of this.#buffer) if (event.id > lastEventId) send(response, reader, event);
    }
    const heartbeat = setInterval(() => sendStatus("server.heartbeat"), this.#heartbeatMs);
    response.once("close", () => {
      clearInterval(heartbeat);
      this.#readers.delete(response);
      if (this.#readers.size === 0) this.#onLast();
    });
  }

  #append(event: BufferedEvent): void {
    this.#buffer.push(event);
    this.#bufferedBytes += event.bytes;
    while (
      this.#buffer.length > maxBufferedEvents ||
      (this.#bufferedBytes > maxBufferedBytes && this.#buffer.length > 1)
    ) {
      this.#bufferedBytes -= this.#buffer.shift()?.bytes ?? 0;
    }
  }
}

function send(response: ServerResponse, reader: FeedReader, { id, directory, text }: BufferedEvent): void {
  if (reader.directory !== undefined && directory !== undefined && directory !== reader.directory) return;
  write(response, wrap(reader, directory, text), id);
}

function sendControl(response: ServerResponse, reader: FeedReader, type: string, id?: number): void {
  write(response, wrap(reader, undefined, JSON.stringify({ type, properties: {} })), id);
}

function wrap(reader: FeedReader, directory: string | undefined, text: string): string {
  if (!reader.wrapped) return text;
  const eventDirectory = directory ?? reader.directory;
  return eventDirectory === undefined
    ? `{"payload":${text}}`
    : `{"directory":${JSON.stringify(eventDirectory)},"payload":${text}}`;
}

function write(response: ServerResponse, data: string, id: number | undefined): void {
  response.write(`${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
  if (response.writableLength > maxUnsentBytes) response.destroy();
}
