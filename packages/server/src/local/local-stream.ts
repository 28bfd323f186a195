import type { ResultStream } from "@holdfast/actors";
import { IncomingStream, streamWindow, trustedDepth } from "@holdfast/client";
import { decodeValue, HoldfastError, isHoldfastError } from "@holdfast/core";
import { outgoingTooLong } from "../sessions/session-errors.ts";

/** A streamed result, from an actor of this process to a caller in this process. */
export class LocalStream implements ResultStream {
  readonly #maxBytes: number;
  readonly #begun: (stream: ReadableStream<unknown>) => void;
  #stream: IncomingStream | undefined;
  #credit = streamWindow;
  #wake: (() => void) | undefined;
  #cancelled: (() => void) | undefined;

  /** Calls `begun` with the stream, if the result is one. */
  constructor(maxBytes: number, begun: (stream: ReadableStream<unknown>) => void) {
    this.#maxBytes = maxBytes;
    this.#begun = begun;
  }

  get hasBegun(): boolean {
    return this.#stream !== undefined;
  }

  begin(): void {
    this.#stream = new IncomingStream({
      onConsumed: (pieces) => {
        this.#credit += pieces;
        this.#wake?.();
      },
      onCancelled: () => this.#cancelled?.(),
    });
    this.#begun(this.#stream.readable);
  }

  onCancel(callback: () => void): void {
    this.#cancelled = callback;
  }

  /** The stream ends with the call. */
  end(error: unknown): void {
    this.#stream?.end(error === undefined || isHoldfastError(error) ? error : cutOff(error));
  }

  chunk(value: Uint8Array): Promise<void> | void {
    if (value.length > this.#maxBytes) throw outgoingTooLong(this.#maxBytes);
    this.#stream?.push(decodeValue(value, { maxDepth: trustedDepth }));
    this.#credit--;
    if (this.#credit > 0) return;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function cutOff(cause: unknown): HoldfastError {
  return new HoldfastError("client", "network_error", "The stream was cut off", { cause });
}
