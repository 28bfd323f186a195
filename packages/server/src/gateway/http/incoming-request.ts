import { IncomingMessage } from "node:http";
import type { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { bodyTooLong } from "./exchange.ts";
import { bodyTimedOut, clientLeft } from "./node-body.ts";

/** Called once; with an error, the body is empty. */
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
 * A request whose body can be collected without Node's stream machinery, which costs more than everything else that
 * Node does for a small request. Until {@link collect} is called, and wherever collecting is not possible, it is an
 * ordinary stream.
 */
export class IncomingRequest extends IncomingMessage {
  #collector: Collector | undefined;
  /** True if part of the body, or its end, is in the stream's buffer. */
  #isStream = false;
  /** When collecting began (performance.now()), and the neighbours in the list. */
  #since = 0;
  #older: IncomingRequest | undefined;
  #newer: IncomingRequest | undefined;

  /**
   * Requests whose bodies are being collected. Nearly all bodies arrive with their heads, so a timer for each would be
   * wasted: one timer checks all of them, in a linked list.
   */
  static #oldest: IncomingRequest | undefined;
  static #newest: IncomingRequest | undefined;
  static #timer: NodeJS.Timeout | undefined;

  /**
   * Calls `done` with the complete body, or with `message.incoming_too_long` if it is longer than `maxBytes` (the rest
   * stays in the stream), `gateway.body_timed_out`, or `action.aborted` if the client disconnects. Returns false, and
   * does nothing, if part of the body is already in the stream.
   */
  collect(maxBytes: number, done: BodyCallback): boolean {
    if (this.#isStream || this.#collector !== undefined) return false;
    this.#collector = { maxBytes, done, chunks: [], size: 0 };
    this.#wait();
    // Marks the body as read: the server would discard an unread body.
    this._read(0);
    return true;
  }

  /** Node's parser calls it with each part of the body, and with null at its end. */
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

  /** Gives up on a body that has not arrived in time. */
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
