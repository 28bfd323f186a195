import { HoldfastError } from "@holdfast/core";
import type { PreparedFrame } from "../driver.ts";
import { clientLimits } from "../limits.ts";
import type { IncomingStream } from "./incoming-stream.ts";

/** A frame that has an answer, until that is here. */
export interface PendingCall {
  readonly frame: PreparedFrame;
  readonly idempotencyKey: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly stopListening: (() => void) | undefined;
  attempts: number;
  /** The server may know of it. */
  isSent: boolean;
  /** Present once the result began to come in pieces: it cannot be asked for again. */
  stream: IncomingStream | undefined;
}

/** What a connection has asked for and has no answer to, within the limits of a client. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  /** The keys of those that were given up, until the server has answered them: they may run there. */
  readonly #givenUp = new Map<number, string>();
  #bytes = 0;
  #lastId = 0;

  newId(): number {
    return ++this.#lastId;
  }

  /** Throws `conn.buffer_full`. */
  checkRoom(bytes: number): void {
    const { maxPendingCalls, maxPendingBytes } = clientLimits;
    if (this.#calls.size < maxPendingCalls && this.#bytes + bytes <= maxPendingBytes) return;
    throw new HoldfastError(
      "conn",
      "buffer_full",
      "Too many calls wait for an answer on this connection; wait for some of them before the next",
    );
  }

  add(id: number, call: PendingCall): void {
    this.#calls.set(id, call);
    this.#bytes += call.frame.size;
  }

  get(id: number): PendingCall | undefined {
    return this.#calls.get(id);
  }

  /** As they are now. */
  all(): readonly (readonly [id: number, call: PendingCall])[] {
    return [...this.#calls];
  }

  /** Takes out what is answered. */
  settle(id: number): PendingCall | undefined {
    this.#givenUp.delete(id);
    return this.#remove(id);
  }

  /** Takes out what nobody here waits for any more. */
  giveUp(id: number): PendingCall | undefined {
    const call = this.#remove(id);
    if (call?.isSent === true) this.#givenUp.set(id, call.idempotencyKey);
    return call;
  }

  #remove(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) return undefined;
    this.#calls.delete(id);
    this.#bytes -= call.frame.size;
    call.stopListening?.();
    return call;
  }

  /** What was given up, may still run, and is not asked for again: the next connection is to say so, once. */
  takeGivenUp(): readonly (readonly [id: number, idempotencyKey: string])[] {
    const wanted = new Set([...this.#calls.values()].map(({ idempotencyKey }) => idempotencyKey));
    const givenUp = [...this.#givenUp].filter(([, idempotencyKey]) => !wanted.has(idempotencyKey));
    this.#givenUp.clear();
    return givenUp;
  }
}
