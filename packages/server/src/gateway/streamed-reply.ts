import type { ResultStream } from "@holdfast/actors";
import { type Encoding, encodeStreamChunk, encodeStreamItem, streamContentType } from "@holdfast/client";
import { type HoldfastError, toWireError } from "@holdfast/core";
import { outgoingTooLong } from "../sessions/session-errors.ts";
import type { Exchange } from "./http/exchange.ts";

/** A streamed result as the body of one HTTP response; see docs/reference/wire.md. */
export class StreamedReply implements ResultStream {
  readonly #exchange: Exchange;
  readonly #encoding: Encoding;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #maxBytes: number;
  readonly #gone: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #wanted: (() => void) | undefined;

  /** Calls `gone` if the client disconnects before the end. */
  constructor(
    exchange: Exchange,
    encoding: Encoding,
    headers: Readonly<Record<string, string>>,
    maxBytes: number,
    gone: () => void,
  ) {
    this.#exchange = exchange;
    this.#encoding = encoding;
    this.#headers = headers;
    this.#maxBytes = maxBytes;
    this.#gone = gone;
  }

  get hasBegun(): boolean {
    return this.#controller !== undefined;
  }

  begin(): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wanted?.(),
      cancel: () => {
        this.#wanted?.();
        this.#gone();
      },
    });
    const type = { "content-type": streamContentType[this.#encoding], "cache-control": "no-store" };
    this.#exchange.replyWith(new Response(body, { headers: type }), this.#headers);
  }

  chunk(value: Uint8Array): Promise<void> | void {
    if (value.length > this.#maxBytes) throw outgoingTooLong(this.#maxBytes);
    const controller = this.#controller;
    controller?.enqueue(encodeStreamChunk(this.#encoding, value));
    if ((controller?.desiredSize ?? 1) > 0) return;
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  end(error: HoldfastError | undefined): void {
    const item = error === undefined ? { end: true } : { error: toWireError(error) };
    try {
      this.#controller?.enqueue(encodeStreamItem(this.#encoding, item));
      this.#controller?.close();
    } catch {
      // The client has gone away: nobody is left to be told.
    }
  }
}
