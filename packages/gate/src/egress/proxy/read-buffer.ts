import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** Buffer sizes: the largest TLS record, and what Node reads from a plain socket at once. */
export const readBufferBytes = { secure: 16 * 1024, plain: 64 * 1024 } as const;

/** Options of `net.connect` as `onread`. */
interface OnRead {
  buffer(): Uint8Array;
  callback(bytes: number, buffer: Uint8Array): boolean;
}

/** One byte shorter than its memory, so that no chunk appears to own that memory (see `releaseMemory`). */
function newBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes + 1).subarray(1);
}

const readsOf = new WeakMap<Duplex, SharedReadBuffer>();

/**
 * The one read buffer of a connection, reused for every read. A new buffer for each TLS record makes the engine collect
 * its whole heap every few dozen megabytes, which costs more than the decryption.
 *
 * Chunks are copies, except for the answer that borrows the buffer: its reader consumes each chunk before the next
 * read. If bytes still wait because that answer was paused, they keep the buffer and the next read gets a new one.
 */
export class SharedReadBuffer {
  #buffer: Buffer;
  #socket: Duplex | undefined;
  #borrower: IncomingMessage | undefined;

  private constructor(bytes: number) {
    this.#buffer = newBuffer(bytes);
  }

  /** Makes a socket that reads into a shared buffer of this many bytes. */
  static connect<T extends Duplex | null | undefined>(bytes: number, make: (onread: OnRead) => T): T {
    const reads = new SharedReadBuffer(bytes);
    const socket = make({
      buffer: () => reads.#buffer,
      callback: (read) => reads.#deliver(read),
    });
    if (socket) {
      reads.#socket = socket;
      readsOf.set(socket, reads);
    }
    return socket;
  }

  /**
   * Gives `answer` its bytes without a copy; its `data` listeners must not keep them. Does nothing where its
   * connection has no shared buffer.
   */
  static borrow(answer: IncomingMessage): void {
    const reads = readsOf.get(answer.socket);
    if (reads !== undefined) reads.#borrower = answer;
  }

  #deliver(bytes: number): boolean {
    const read = this.#buffer.subarray(0, bytes);
    const borrower = this.#borrower;
    if (borrower === undefined || !consumesAtOnce(borrower)) {
      this.#socket?.emit("data", Buffer.from(read));
      return true;
    }
    this.#socket?.emit("data", read);
    if (borrower.complete) this.#borrower = undefined;
    if (borrower.readableLength > 0) this.#buffer = newBuffer(this.#buffer.length);
    return true;
  }
}

function consumesAtOnce(answer: IncomingMessage): boolean {
  return !answer.complete && answer.readableFlowing === true && answer.readableLength === 0;
}
