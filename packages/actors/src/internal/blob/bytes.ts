import { HoldfastError } from "@holdfast/core";
import type { ByteSource } from "../../blob.ts";

const encoder = new TextEncoder();

/**
 * Splits any source of bytes into chunks. Bytes are copied immediately, so the caller may change them afterwards.
 * Throws `store.invalid_blob` for other values.
 */
export function chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  // The `slice` of a Buffer does not copy.
  if (source instanceof Uint8Array) return pieces(new Uint8Array(source));
  return pieces(source instanceof ArrayBuffer ? new Uint8Array(source.slice(0)) : source);
}

/**
 * Cancels the source of {@link chunksOf}, even if nothing was read: an unread request body would keep its connection
 * open.
 */
export async function cancelSource(pieces: AsyncGenerator<Uint8Array>, source: unknown): Promise<void> {
  await pieces.return(undefined);
  // A stream that cannot be cancelled has ended, or has another reader.
  if (source instanceof ReadableStream) await source.cancel().catch(() => {});
}

async function* pieces(source: Exclude<ByteSource, ArrayBuffer>): AsyncGenerator<Uint8Array> {
  if (typeof source === "string") yield encoder.encode(source);
  else if (source instanceof Uint8Array) yield source;
  else if (source instanceof Blob) yield* piecesOfStream(source.stream());
  else if (source instanceof ReadableStream) yield* piecesOfStream(source);
  else if (isIterable(source)) for await (const piece of source) yield assertChunk(piece);
  else throw invalid();
}

async function* piecesOfStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        ended = true;
        return;
      }
      yield assertChunk(value);
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

function isIterable(source: unknown): source is AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

function assertChunk(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw invalid();
}

function invalid(): HoldfastError {
  const message = "An object is text, bytes, a Blob, or a stream or async iterable of Uint8Array";
  return new HoldfastError("store", "invalid_blob", message, { statusCode: 400 });
}

export async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOfStream(stream)) pieces.push(piece);
  return concat(pieces);
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}

export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
