import type { Socket } from "node:net";
import { agentOsLimits } from "../limits.ts";
import { ToolFailure } from "./failure.ts";

const newline = 10;
const maxLineBytes = 512;

/**
 * Reads what a command sends, which may be hostile: it holds a bounded number of bytes, and waits for a limited time.
 * `signal` ends a wait with its reason.
 */
export class SocketReader {
  readonly #signal: AbortSignal;
  #chunks: Buffer[] = [];
  #size = 0;
  #isDiscarding = false;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** `onEnd` is called when the other side has closed. */
  constructor(socket: Socket, signal: AbortSignal, onEnd: () => void) {
    this.#signal = signal;
    const end = () => {
      this.#hasEnded = true;
      this.#wake?.();
      onEnd();
    };
    socket.on("data", (chunk: Buffer) => {
      if (this.#isDiscarding) return;
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      this.#wake?.();
      // More than any request has: nothing that it says counts.
      if (this.#size > 2 * agentOsLimits.maxToolInputBytes) this.discard();
    });
    socket.once("end", end);
    socket.once("close", end);
  }

  /** A line without its end. Throws VALIDATION_ERROR. */
  async line(what: string): Promise<string> {
    let length = -1;
    await this.#until(what, () => {
      length = this.#joined().subarray(0, maxLineBytes).indexOf(newline);
      if (length < 0 && this.#size >= maxLineBytes)
        throw new ToolFailure("VALIDATION_ERROR", `${what} is too long`);
      return length >= 0;
    });
    const line = this.#take(length).toString("utf8");
    this.#take(1);
    return line;
  }

  /** Throws INPUT_TOO_LARGE, VALIDATION_ERROR. */
  async bytes(count: number, what: string): Promise<Buffer> {
    const most = agentOsLimits.maxToolInputBytes;
    if (count > most) throw new ToolFailure("INPUT_TOO_LARGE", `${what} has more than ${most} bytes`);
    await this.#until(what, () => this.#size >= count);
    return this.#take(count);
  }

  /** Drops what has come and what comes, so that the other side can go on. */
  discard(): void {
    this.#isDiscarding = true;
    this.#chunks = [];
    this.#size = 0;
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    this.#chunks = [all.subarray(count)];
    this.#size -= count;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    const all = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  async #until(what: string, isEnough: () => boolean): Promise<void> {
    let isLate = false;
    const wake = () => this.#wake?.();
    const timer = setTimeout(() => {
      isLate = true;
      wake();
    }, agentOsLimits.toolInputMs);
    this.#signal.addEventListener("abort", wake, { once: true });
    try {
      while (!isEnough()) {
        this.#signal.throwIfAborted();
        if (this.#hasEnded || this.#isDiscarding)
          throw new ToolFailure("VALIDATION_ERROR", `${what} is not complete`);
        if (isLate)
          throw new ToolFailure(
            "VALIDATION_ERROR",
            `${what} did not come within ${agentOsLimits.toolInputMs}ms. Without input, pass --json '{}' or close the standard input`,
          );
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", wake);
      this.#wake = undefined;
    }
  }
}
