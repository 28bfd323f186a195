import { IncomingMessage } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { bodyTooLong } from "./exchange.ts";
import { bodyTimedOut, clientLeft } from "./node-body.ts";

/** Told once; the body is empty with an error. */
export type BodyCallback = (error: HoldfastError | undefined, body: Uint8Array) => void;

interface Collector {
  readonly maxBytes: number;
  readonly done: BodyCallback;
  readonly chunks: Buffer[];
  size: number;
}

const empty = new Uint8Array(0);
const lookEveryMs = 1_000;

/**
 * A request whose body may be taken as a whole, without the machinery of a stream: that machinery costs more
 * than everything else that Node does for a small request. Until {@link collect} is called, and wherever it
 * cannot be, this is the stream that it always is.
 */
export class IncomingRequest extends IncomingMessage {
  #collector: Collector | undefined;
  /** Something of the body, or its end, is in the buffer of the stream. */
  #isStream = false;
  /** When the body began to be waited for (performance.now()), and who began before and after it. */
  #since = 0;
  #older: IncomingRequest | undefined;
  #newer: IncomingRequest | undefined;

  /**
   * The requests whose bodies are on their way. Nearly all bodies come with their heads, so that a timer
   * for each would be made in vain: one timer looks after all, in a list that costs next to nothing.
   */
  static #oldest: IncomingRequest | undefined;
  static #newest: IncomingRequest | undefined;
  static #timer: NodeJS.Timeout | undefined;

  /**
   * Hands the whole body to `done`, or `message.incoming_too_long` when it is longer than `maxBytes` (what
   * follows is left in the stream), `gateway.body_timed_out`, or `action.aborted` when the client goes away.
   * Returns false, and does nothing, when part of the body is in the stream already.
   */
  collect(maxBytes: number, done: BodyCallback): boolean {
    if (this.#isStream || this.#collector !== undefined) return false;
    this.#collector = { maxBytes, done, chunks: [], size: 0 };
    this.#wait();
    // As a reader would: the server would throw away a body that nobody reads.
    this._read(0);
    return true;
  }

  /** What Node's parser calls with each part of the body, and with null at its end. */
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    const collector = this.#collector;
    if (collector === undefined) {
      this.#isStream = true;
      return super.push(chunk, encoding);
    }
    if (chunk === null) {
      const { chunks } = collector;
      const [first] = chunks;
      this.#end(collector, undefined, chunks.length > 1 ? Buffer.concat(chunks) : (first ?? empty));
      return false;
    }
    collector.size += chunk.length;
    if (collector.size > collector.maxBytes) {
      this.#isStream = true;
      this.#end(collector, bodyTooLong(collector.maxBytes), empty);
    } else collector.chunks.push(chunk);
    return true;
  }

  /** Gives up on a body that did not come in time. */
  expire(): void {
    const collector = this.#collector;
    if (collector === undefined) return;
    this.#isStream = true;
    this.#end(collector, bodyTimedOut(serverLimits.requestTimeoutMs), empty);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#collector !== undefined) this.#end(this.#collector, clientLeft(), empty);
    super._destroy(error, callback);
  }

  #end({ done }: Collector, error: HoldfastError | undefined, body: Uint8Array): void {
    this.#collector = undefined;
    this.#leave();
    done(error, body);
  }

  #wait(): void {
    this.#since = performance.now();
    const newest = IncomingRequest.#newest;
    this.#older = newest;
    if (newest === undefined) IncomingRequest.#oldest = this;
    else newest.#newer = this;
    IncomingRequest.#newest = this;
    IncomingRequest.#timer ??= setTimeout(IncomingRequest.#look, lookEveryMs).unref();
  }

  #leave(): void {
    const older = this.#older;
    const newer = this.#newer;
    if (older === undefined) IncomingRequest.#oldest = newer;
    else older.#newer = newer;
    if (newer === undefined) IncomingRequest.#newest = older;
    else newer.#older = older;
    this.#older = undefined;
    this.#newer = undefined;
  }

  static readonly #look = (): void => {
    const before = performance.now() - serverLimits.requestTimeoutMs;
    for (let first = IncomingRequest.#oldest; first !== undefined; first = IncomingRequest.#oldest) {
      if (first.#since > before) break;
      first.expire();
    }
    const isIdle = IncomingRequest.#oldest === undefined;
    IncomingRequest.#timer = isIdle ? undefined : setTimeout(IncomingRequest.#look, lookEveryMs).unref();
  };
}
