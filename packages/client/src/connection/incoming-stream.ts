import type { HoldfastError } from "@holdfast/core";
import { clientLimits } from "../limits.ts";

export interface IncomingStreamOptions {
  /** The reader has consumed this many chunks: the sender may send as many more. */
  readonly onConsumed: (pieces: number) => void;
  /** The reader has cancelled the stream. */
  readonly onCancelled: (reason: unknown) => void;
}

/** Chunks that may be in flight or unread; beyond that the sender waits. */
export const streamWindow: number = clientLimits.streamWindow;

/**
 * Reader's side of a streamed result. Flow control bounds its buffer: the sender has credit for `streamWindow` chunks
 * and gets more as they are read.
 */
export class IncomingStream {
  readonly readable: ReadableStream<unknown>;
  readonly #options: IncomingStreamOptions;
  readonly #chunks: unknown[] = [];
  #controller: ReadableStreamDefaultController<unknown> | undefined;
  #resumePull: (() => void) | undefined;
  #uncredited = 0;
  #end: { readonly error: HoldfastError | undefined } | undefined;

  constructor(options: IncomingStreamOptions) {
    this.#options = options;
    this.readable = withAsyncIterator(
      new ReadableStream<unknown>(
        {
          start: (controller) => {
            this.#controller = controller;
          },
          pull: () => this.#pull(),
          cancel: (reason) => {
            this.#chunks.length = 0;
            if (this.#end === undefined) options.onCancelled(reason);
          },
        },
        { highWaterMark: 0 },
      ),
    );
  }

  push(chunk: unknown): void {
    if (this.#end !== undefined) return;
    this.#chunks.push(chunk);
    this.#resumePull?.();
  }

  /** Ends the stream after the chunks that are buffered. */
  end(error: HoldfastError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#resumePull?.();
  }

  #pull(): Promise<void> | void {
    if (this.#deliverNext()) return;
    return new Promise((resolve) => {
      this.#resumePull = () => {
        this.#resumePull = undefined;
        this.#deliverNext();
        resolve();
      };
    });
  }

  #deliverNext(): boolean {
    if (this.#chunks.length > 0) {
      this.#controller?.enqueue(this.#chunks.shift());
      this.#uncredited++;
      if (this.#uncredited >= streamWindow / 2 && this.#end === undefined) {
        this.#options.onConsumed(this.#uncredited);
        this.#uncredited = 0;
      }
      return true;
    }
    if (this.#end === undefined) return false;
    if (this.#end.error === undefined) this.#controller?.close();
    else this.#controller?.error(this.#end.error);
    return true;
  }
}

/** Adds `for await` to streams of browsers that lack it. */
function withAsyncIterator(stream: ReadableStream<unknown>): ReadableStream<unknown> {
  if (Symbol.asyncIterator in stream) return stream;
  const iterate = async function* (): AsyncGenerator<unknown> {
    const reader = (stream as ReadableStream<unknown>).getReader();
    let done = false;
    try {
      while (!done) {
        const result = await reader.read();
        done = result.done;
        if (!result.done) yield result.value;
      }
    } finally {
      if (!done) await reader.cancel();
      reader.releaseLock();
    }
  };
  return Object.defineProperty(stream, Symbol.asyncIterator, { value: iterate });
}
