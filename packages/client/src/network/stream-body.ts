import { fromWireError, HoldfastError } from "@holdfast/core";
import { callCancelled } from "../connection/connection-errors.ts";
import { IncomingStream, streamWindow } from "../connection/incoming-stream.ts";
import { decode, type Encoding, encode, trustedDepth } from "./wire.ts";

/**
 * Streamed result as the body of an HTTP response: docs/reference/wire.md. Each item is a map with one of `chunk`,
 * `error` and `end`; a body without its last item was truncated. In JSON an item is a line. In CBOR it is a byte
 * string (RFC 8949, section 3.1) of the encoded item, so that the body is a CBOR sequence (RFC 8742) that can be split
 * without decoding.
 */

export const streamContentType: Readonly<Record<Encoding, string>> = {
  cbor: "application/cbor-seq",
  json: "application/x-ndjson",
};

/** Encodes one item of a body. */
export function encodeStreamItem(encoding: Encoding, item: Readonly<Record<string, unknown>>): Uint8Array {
  const data = encode(encoding, item);
  if (typeof data === "string") return textEncoder.encode(`${data}\n`);
  const head = byteStringHead(data.length);
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(head);
  bytes.set(data, head.length);
  return bytes;
}

/** Encodes an item whose chunk is already CBOR. */
export function encodeStreamChunk(encoding: Encoding, value: Uint8Array): Uint8Array {
  const head = encode("cbor", "chunk");
  if (encoding === "json" || typeof head === "string") {
    return encodeStreamItem(encoding, { chunk: decode("cbor", value, trustedDepth) });
  }
  const length = byteStringHead(1 + head.length + value.length);
  const bytes = new Uint8Array(length.length + 1 + head.length + value.length);
  bytes.set(length);
  bytes[length.length] = 0xa1;
  bytes.set(head, length.length + 1);
  bytes.set(value, length.length + 1 + head.length);
  return bytes;
}

function byteStringHead(length: number): readonly number[] {
  if (length < 24) return [0x40 | length];
  if (length < 0x100) return [0x58, length];
  if (length < 0x1_0000) return [0x59, length >> 8, length & 0xff];
  return [0x5a, (length >>> 24) & 0xff, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
}

const textEncoder = new TextEncoder();

/** Reads a response body as a stream. `cancelled` is called when the reader cancels it. */
export function readStreamBody(
  encoding: Encoding,
  body: ReadableStream<Uint8Array>,
  cancelled: () => void,
  signal: AbortSignal | undefined,
): ReadableStream<unknown> {
  const reader = body.getReader();
  let wake: (() => void) | undefined;
  let unread = 0;
  const stream = new IncomingStream({
    onConsumed: (pieces) => {
      unread -= pieces;
      wake?.();
    },
    onCancelled: () => {
      cancelled();
      reader.cancel().catch(() => undefined);
    },
  });
  const items = new ItemParser(encoding);
  const run = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new HoldfastError("client", "network_error", "The stream was cut off before its end");
      for (const item of items.add(value)) {
        if ("end" in item) return stream.end(undefined);
        if ("error" in item) return stream.end(fromWireError(item["error"]));
        unread++;
        stream.push(item["chunk"]);
      }
      // Backpressure: unread bytes stay in the socket, so that the server slows down.
      while (unread >= streamWindow) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  };
  run().catch((cause: unknown) => {
    if (signal?.aborted === true) {
      cancelled();
      return stream.end(callCancelled(signal.reason));
    }
    stream.end(
      cause instanceof HoldfastError
        ? cause
        : new HoldfastError("client", "network_error", "The stream was cut off", { cause }),
    );
  });
  return stream.readable;
}

/** Incremental parser that splits a body into items. */
class ItemParser {
  readonly #encoding: Encoding;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  *add(bytes: Uint8Array): Generator<Readonly<Record<string, unknown>>> {
    let rest = bytes;
    if (this.#rest.length > 0) {
      rest = new Uint8Array(this.#rest.length + bytes.length);
      rest.set(this.#rest);
      rest.set(bytes, this.#rest.length);
    }
    for (;;) {
      const parsed = this.#encoding === "json" ? nextLine(rest) : nextByteString(rest);
      if (parsed === undefined) break;
      rest = rest.subarray(parsed.next);
      const item = decode(this.#encoding, parsed.data, trustedDepth);
      if (typeof item !== "object" || item === null) throw malformed();
      yield item as Readonly<Record<string, unknown>>;
    }
    this.#rest = rest.slice();
  }
}

interface ParsedItem {
  readonly data: Uint8Array;
  readonly next: number;
}

function nextLine(bytes: Uint8Array): ParsedItem | undefined {
  const end = bytes.indexOf(0x0a);
  return end === -1 ? undefined : { data: bytes.subarray(0, end), next: end + 1 };
}

function nextByteString(bytes: Uint8Array): ParsedItem | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  if (first >> 5 !== 2) throw malformed();
  const info = first & 0x1f;
  const extra = info < 24 ? 0 : info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : -1;
  if (extra === -1) throw malformed();
  if (bytes.length < 1 + extra) return undefined;
  let length = extra === 0 ? info : 0;
  for (let i = 0; i < extra; i++) length = length * 256 + (bytes[1 + i] ?? 0);
  const start = 1 + extra;
  if (bytes.length < start + length) return undefined;
  return { data: bytes.slice(start, start + length), next: start + length };
}

function malformed(): HoldfastError {
  return new HoldfastError("message", "malformed_response", "The stream is malformed");
}
