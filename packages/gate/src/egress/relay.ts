import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { SecretScanner } from "../vault/secrets.ts";

/**
 * Passes an answer on at the pace of its reader, without the secrets. Two streams and a function between
 * them: each stage of a pipeline would cost as much as the whole of this.
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
    const batch = new Batch(to);
    const fail = (error: Error) => {
      if (over) return;
      over = true;
      from.destroy();
      to.destroy();
      reject(error);
    };
    from.on("data", (chunk: Buffer) => {
      if (over) return;
      see(chunk);
      const clean = scanner.push(chunk);
      if (clean.length > 0 && !batch.write(clean)) from.pause();
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
 * Puts what arrives in one turn of the event loop into one write: a read of 64 KB comes as four records of
 * TLS, and each write to the jail's socket costs more than the bytes in it.
 */
class Batch {
  readonly #to: ServerResponse;
  #open = false;

  constructor(to: ServerResponse) {
    this.#to = to;
  }

  /** False where the reader is behind. */
  write(chunk: Buffer): boolean {
    if (!this.#open) {
      this.#open = true;
      this.#to.cork();
      setImmediate(() => this.send());
    }
    return this.#to.write(chunk);
  }

  send(): void {
    if (!this.#open) return;
    this.#open = false;
    // The parts of a chunk of HTTP would go one by one.
    const { socket } = this.#to;
    socket?.cork();
    this.#to.uncork();
    socket?.uncork();
  }
}
