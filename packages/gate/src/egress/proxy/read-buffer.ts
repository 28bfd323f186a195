import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What a record of TLS holds at most, and what Node reads of a socket at once. */
export const readBufferBytes = { secure: 16 * 1024, plain: 64 * 1024 } as const;

/** What `net.connect` takes as `onread`. */
interface OnRead {
  buffer(): Uint8Array;
  callback(bytes: number, buffer: Uint8Array): boolean;
}

/** One byte stays outside, so that nothing that is read can be taken for the owner of the memory. */
function newBuffer(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes + 1).subarray(1);
}

const readsOf = new WeakMap<Duplex, SharedReadBuffer>();

/**
 * Reads a connection into one buffer, over and over. A buffer for each record of TLS makes the engine collect
 * its whole heap every few dozen megabytes, which costs more than the decryption.
 *
 * What is read is copied, as if each read had a buffer of its own, but for the answer that was borrowed: its
 * reader takes the bytes out before the next read. Where something of them is still waiting nevertheless,
 * because the answer was paused in the middle, the buffer stays with it and the next read gets a new one.
 */
export class SharedReadBuffer {
  #buffer: Buffer;
  #socket: Duplex | undefined;
  #borrower: IncomingMessage | undefined;

  private constructor(bytes: number) {
    this.#buffer = newBuffer(bytes);
  }

  /** Makes a socket that reads in this way, at most so many bytes at once. */
  static connect<T extends Duplex | null | undefined>(bytes: number, make: (onread: OnRead) => T): T {
    const reads = new SharedReadBuffer(bytes);
    const socket = make({
      buffer: () => reads.#buffer,
      callback: (read) => reads.#give(read),
    });
    if (socket) {
      reads.#socket = socket;
      readsOf.set(socket, reads);
    }
    return socket;
  }

  /**
   * Lets `answer`, which the listeners of its `data` keep nothing of, have its bytes uncopied. Nothing changes
   * where its connection reads in another way.
   */
  static borrow(answer: IncomingMessage): void {
    const reads = readsOf.get(answer.socket);
    if (reads !== undefined) reads.#borrower = answer;
  }

  #give(bytes: number): boolean {
    const read = this.#buffer.subarray(0, bytes);
    const borrower = this.#borrower;
    if (borrower === undefined || !takesAtOnce(borrower)) {
      this.#socket?.emit("data", Buffer.from(read));
      return true;
    }
    this.#socket?.emit("data", read);
    if (borrower.complete) this.#borrower = undefined;
    if (borrower.readableLength > 0) this.#buffer = newBuffer(this.#buffer.length);
    return true;
  }
}

function takesAtOnce(answer: IncomingMessage): boolean {
  return !answer.complete && answer.readableFlowing === true && answer.readableLength === 0;
}
