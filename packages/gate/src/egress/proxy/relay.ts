import { IncomingMessage, type ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { SecretScanner } from "../../vault/redaction/secret-scanner.ts";
import { SharedReadBuffer } from "./read-buffer.ts";

/** Most answers are small. One that fills the first batch goes on in larger ones. */
const firstBatchBytes = 16 * 1024;
const batchBytes = 128 * 1024;
/** Free batches that are kept; more are in use only while the reader is slow. */
const maxFreeBatches = 2;

/**
 * Streams an answer to its reader with backpressure, and redacts secrets. `observe` sees each chunk but must not keep
 * it: the memory is reused. Not a stream pipeline, in which each stage would cost as much as all of this.
 * Resolves when the answer is written; rejects when either side is cut off, and then destroys both.
 */
export function relay(
  from: Readable,
  to: ServerResponse,
  scanner: SecretScanner,
  observe: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let finished = false;
    const batch = new Batch(to, scanner, () => from.pause());
    const fail = (error: Error) => {
      if (finished) return;
      finished = true;
      batch.discard();
      from.destroy();
      to.destroy();
      reject(error);
    };
    const answer = from instanceof IncomingMessage;
    if (answer) SharedReadBuffer.borrow(from);
    from.on("data", (chunk: Buffer) => {
      if (finished) return;
      observe(chunk);
      batch.add(chunk);
      if (answer) releaseMemory(chunk);
    });
    to.on("drain", () => from.resume());
    from.once("end", () => {
      if (finished) return;
      batch.send();
      to.end(scanner.flush());
    });
    from.once("error", fail);
    // A sender that closes in the middle does not always emit an error.
    from.once("close", () => {
      if (!from.readableEnded) fail(new Error("The sender closed the connection"));
    });
    to.once("error", fail);
    to.once("finish", () => {
      finished = true;
      resolve();
    });
    to.once("close", () => {
      if (!to.writableFinished) fail(new Error("The reader closed the connection"));
    });
  });
}

/**
 * Releases the memory of a chunk that owns it, as the chunks of Node's HTTP parser do. Left to the garbage collector,
 * a few dozen megabytes of them cause a collection of the whole heap.
 */
function releaseMemory({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/**
 * Collects the chunks of one turn of the event loop into one scan for secrets and one write: a read of 64 KB arrives as
 * four TLS records, and each write to the jail's socket costs more than its bytes. Written memory is reused.
 */
class Batch {
  readonly #to: ServerResponse;
  readonly #scanner: SecretScanner;
  readonly #onBackpressure: () => void;
  readonly #free: Buffer[] = [];
  #bytes = firstBatchBytes;
  #memory: Buffer | undefined;
  #filled = 0;
  #scheduled = false;

  /** `onBackpressure` is called when the reader is slower than the sender. */
  constructor(to: ServerResponse, scanner: SecretScanner, onBackpressure: () => void) {
    this.#to = to;
    this.#scanner = scanner;
    this.#onBackpressure = onBackpressure;
  }

  /** Copies the chunk. */
  add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      this.#memory ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
      const copied = chunk.copy(this.#memory, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#memory.length) continue;
      this.#bytes = batchBytes;
      this.send();
    }
    if (this.#filled === 0 || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.send();
    });
  }

  send(): void {
    const [memory, filled] = [this.#memory, this.#filled];
    if (memory === undefined || filled === 0) return;
    this.discard();
    const clean = this.#scanner.push(memory.subarray(0, filled));
    if (clean.length === 0) {
      this.#release(memory);
      return;
    }
    // Without the cork, each part of an HTTP chunk would be a write of its own.
    const { socket } = this.#to;
    socket?.cork();
    if (!this.#to.write(clean, () => this.#release(memory))) this.#onBackpressure();
    socket?.uncork();
  }

  /** Discards what is not sent. */
  discard(): void {
    this.#memory = undefined;
    this.#filled = 0;
  }

  #release(memory: Buffer): void {
    if (memory.length === batchBytes && this.#free.length < maxFreeBatches) this.#free.push(memory);
  }
}
