import type { Duplex } from "node:stream";
import pg from "pg";

/** Received bytes beyond which reading from the server pauses. */
const maxQueuedBytes = 4 * 1_048_576;

interface CopyConnection {
  readonly stream: Duplex;
  query(text: string): void;
}

/**
 * `COPY ... TO STDOUT (FORMAT binary)` as a stream of raw bytes, several times as fast as a query result, whose bytes
 * are sent as text. Returning from the iteration early closes the connection.
 */
export class CopyQuery extends pg.Query implements AsyncIterable<Buffer> {
  readonly #text: string;
  #connection: CopyConnection | undefined;
  #chunks: Buffer[] = [];
  #queued = 0;
  #isDone = false;
  #error: unknown;
  #onChange: (() => void) | undefined;

  constructor(text: string) {
    super({ text }, undefined, () => {});
    this.#text = text;
  }

  /** `pg` declares it as a property. */
  override readonly submit = (connection: unknown): void => {
    this.#connection = connection as CopyConnection;
    this.#connection.query(this.#text);
  };

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    // The parser reuses its buffer.
    this.#chunks.push(Buffer.from(chunk));
    this.#queued += chunk.length;
    if (this.#queued > maxQueuedBytes) this.#connection?.stream.pause();
    this.#onChange?.();
  }

  handleCommandComplete(): void {
    // The end is ReadyForQuery.
  }

  handleError(error: unknown): void {
    this.#error ??= error;
    this.handleReadyForQuery();
  }

  handleReadyForQuery(): void {
    this.#isDone = true;
    this.#onChange?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunks = this.#chunks;
        this.#chunks = [];
        this.#queued = 0;
        this.#connection?.stream.resume();
        if (chunks.length > 0) yield Buffer.concat(chunks);
        else if (this.#isDone) break;
        else await this.#change();
      }
      if (this.#error !== undefined) throw this.#error;
    } finally {
      if (!this.#isDone) this.#connection?.stream.destroy();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        this.#onChange = undefined;
        resolve();
      };
    });
  }
}

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** Signature, flags and the length of an empty extension. */
const headerBytes = 19;

/** Parses a binary COPY into rows of raw fields, batched as they arrive. */
export async function* copiedRows(
  source: AsyncIterable<Buffer>,
): AsyncGenerator<readonly (readonly Buffer[])[]> {
  let rest: Buffer = Buffer.alloc(0);
  let isStarted = false;
  for await (const chunk of source) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    if (!isStarted) {
      if (data.length < headerBytes) {
        rest = data;
        continue;
      }
      if (!data.subarray(0, signature.length).equals(signature))
        throw new Error("The data is not a binary COPY");
      at = headerBytes;
      isStarted = true;
    }
    const rows: Buffer[][] = [];
    for (;;) {
      const row = readRow(data, at);
      if (row === undefined) break;
      rows.push(row.fields);
      at = row.end;
    }
    rest = data.subarray(at);
    yield rows;
  }
}

/** Undefined if the row is incomplete, or at the end, where the number of fields is -1. */
function readRow(
  data: Buffer,
  start: number,
): { readonly fields: Buffer[]; readonly end: number } | undefined {
  if (data.length < start + 2) return undefined;
  const count = data.readInt16BE(start);
  if (count < 0) return undefined;
  const fields: Buffer[] = [];
  let at = start + 2;
  for (let field = 0; field < count; field += 1) {
    if (data.length < at + 4) return undefined;
    const length = data.readInt32BE(at);
    at += 4;
    if (data.length < at + length) return undefined;
    fields.push(data.subarray(at, at + length));
    at += length;
  }
  return { fields, end: at };
}
