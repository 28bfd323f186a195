import type { HoldfastError } from "@holdfast/core";
import { clientLimits } from "../limits.ts";

export interface IncomingStreamOptions {
  /** The reader has taken so many pieces: as many more may come. */
  readonly taken: (pieces: number) => void;
  /** The reader has no use for the rest. */
  readonly cancelled: (reason: unknown) => void;
}

/** Pieces that may be on their way or unread at one time; the other side waits beyond that. */
export const streamWindow: number = clientLimits.streamWindow;

/**
 * A result that comes in pieces, as its reader sees it. What is unread is bounded: the sender has
 * leave for `streamWindow` pieces and gets more as they are read.
 */
export class IncomingStream {
  readonly readable: ReadableStream<unknown>;
  readonly #options: IncomingStreamOptions;
  readonly #pieces: unknown[] = [];
  #controller: ReadableStreamDefaultController<unknown> | undefined;
  #wanted: (() => void) | undefined;
  #takenSince = 0;
  #end: { readonly error: HoldfastError | undefined } | undefined;

  constructor(options: IncomingStreamOptions) {
    this.#options = options;
    this.readable = iterable(
      new ReadableStream<unknown>(
        {
          start: (controller) => {
            this.#controller = controller;
          },
          pull: () => this.#pull(),
          cancel: (reason) => {
            this.#pieces.length = 0;
            if (this.#end === undefined) options.cancelled(reason);
          },
        },
        { highWaterMark: 0 },
      ),
    );
  }

  push(piece: unknown): void {
    if (this.#end !== undefined) return;
    this.#pieces.push(piece);
    this.#wanted?.();
  }

  /** What came before the end is still read. */
  end(error: HoldfastError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#wanted?.();
  }

  #pull(): Promise<void> | void {
    if (this.#give()) return;
    return new Promise((resolve) => {
      this.#wanted = () => {
        this.#wanted = undefined;
        this.#give();
        resolve();
      };
    });
  }

  #give(): boolean {
    if (this.#pieces.length > 0) {
      this.#controller?.enqueue(this.#pieces.shift());
      this.#takenSince++;
      if (this.#takenSince >= streamWindow / 2 && this.#end === undefined) {
        this.#options.taken(this.#takenSince);
        this.#takenSince = 0;
      }
      return true;
    }
    if (this.#end === undefined) return false;
    if (this.#end.error === undefined) this.#controller?.close();
    else this.#controller?.error(this.#end.error);
    return true;
  }
}

/** Some browsers have streams that `for await` cannot read. */
function iterable(stream: ReadableStream<unknown>): ReadableStream<unknown> {
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
