import { IncomingMessage, type ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { SecretScanner } from "../../vault/redaction/secret-scanner.ts";
import { SharedReadBuffer } from "./read-buffer.ts";

/** Most answers are small; one that fills this much goes on in larger pieces. */
const firstBatchBytes = 16 * 1024;
const batchBytes = 128 * 1024;
/** Batches that wait to be used again; more are on their way only to a reader that is behind. */
const keptBatches = 2;

/**
 * Passes an answer on at the pace of its reader, without the secrets. Two streams and a function between
 * them: each stage of a pipeline would cost as much as the whole of this. What `see` is shown it may not
 * keep: the memory is used again.
 * Resolves when the answer is written; rejects when either side is cut off, and then ends both.
 */
export function relay(
  from: Readable,
  to: ServerResponse,
  scanner: SecretScanner,
  see: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false;
    const batch = new Batch(to, scanner, () => from.pause());
    const fail = (error: Error) => {
      if (over) return;
      over = true;
      batch.drop();
      from.destroy();
      to.destroy();
      reject(error);
    };
    const answer = from instanceof IncomingMessage;
    if (answer) SharedReadBuffer.borrow(from);
    from.on("data", (chunk: Buffer) => {
      if (over) return;
      see(chunk);
      batch.add(chunk);
      if (answer) free(chunk);
    });
    to.on("drain", () => from.resume());
    from.once("end", () => {
      if (over) return;
      batch.send();
      to.end(scanner.flush());
    });
    from.once("error", fail);
    // A sender that goes away in the middle is not always an error, but never the end.
    from.once("close", () => {
      if (!from.readableEnded) fail(new Error("the sender went away"));
    });
    to.once("error", fail);
    to.once("finish", () => {
      over = true;
      resolve();
    });
    to.once("close", () => {
      if (!to.writableFinished) fail(new Error("the reader went away"));
    });
  });
}

/**
 * Gives memory back that only this chunk uses, as the one that Node's parser makes for each part of a body: left
 * to the collector, some dozen megabytes of them make it go through the whole heap.
 */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/**
 * Puts what arrives in one turn of the event loop into one look for secrets and one write: a read of 64 KB
 * comes as four records of TLS, and each write to the jail's socket costs more than the bytes in it. Its
 * memory is used again as soon as it is written.
 */
class Batch {
  readonly #to: ServerResponse;
  readonly #scanner: SecretScanner;
  readonly #behind: () => void;
  readonly #free: Buffer[] = [];
  #bytes = firstBatchBytes;
  #memory: Buffer | undefined;
  #filled = 0;
  #awaited = false;

  /** `behind` is called when the reader is, and more should come only when it is not. */
  constructor(to: ServerResponse, scanner: SecretScanner, behind: () => void) {
    this.#to = to;
    this.#scanner = scanner;
    this.#behind = behind;
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
    if (this.#filled === 0 || this.#awaited) return;
    this.#awaited = true;
    setImmediate(() => {
      this.#awaited = false;
      this.send();
    });
  }

  send(): void {
    const [memory, filled] = [this.#memory, this.#filled];
    if (memory === undefined || filled === 0) return;
    this.drop();
    const clean = this.#scanner.push(memory.subarray(0, filled));
    if (clean.length === 0) {
      this.#release(memory);
      return;
    }
    // The parts of a chunk of HTTP would go one by one.
    const { socket } = this.#to;
    socket?.cork();
    if (!this.#to.write(clean, () => this.#release(memory))) this.#behind();
    socket?.uncork();
  }

  /** Forgets what is not sent. */
  drop(): void {
    this.#memory = undefined;
    this.#filled = 0;
  }

  #release(memory: Buffer): void {
    if (memory.length === batchBytes && this.#free.length < keptBatches) this.#free.push(memory);
  }
}
