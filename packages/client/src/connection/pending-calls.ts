import { HoldfastError } from "@holdfast/core";
import type { PreparedFrame } from "../driver.ts";
import { clientLimits } from "../limits.ts";
import type { IncomingStream } from "./incoming-stream.ts";

/** Request frame without a reply. */
export interface PendingCall {
  readonly frame: PreparedFrame;
  readonly idempotencyKey: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly removeAbortListener: (() => void) | undefined;
  attempts: number;
  /** True when the server may have received it. */
  isSent: boolean;
  /** Set once the result started to stream. Such a call cannot be retried. */
  stream: IncomingStream | undefined;
}

/** Unanswered requests of a connection, within the limits of a client. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  /** Idempotency keys of cancelled calls that may still run on the server. */
  readonly #cancelled = new Map<number, string>();
  #bytes = 0;
  #lastId = 0;

  newId(): number {
    return ++this.#lastId;
  }

  /** Throws `conn.buffer_full`. */
  checkCapacity(bytes: number): void {
    const { maxPendingCalls, maxPendingBytes } = clientLimits;
    if (this.#calls.size < maxPendingCalls && this.#bytes + bytes <= maxPendingBytes) return;
    throw new HoldfastError(
      "conn",
      "buffer_full",
      "Too many calls are pending on this connection; wait for some of them before the next",
    );
  }

  add(id: number, call: PendingCall): void {
    this.#calls.set(id, call);
    this.#bytes += call.frame.size;
  }

  get(id: number): PendingCall | undefined {
    return this.#calls.get(id);
  }

  /** Snapshot of the pending calls. */
  all(): readonly (readonly [id: number, call: PendingCall])[] {
    return [...this.#calls];
  }

  /** Removes a call that was answered. */
  settle(id: number): PendingCall | undefined {
    this.#cancelled.delete(id);
    return this.#remove(id);
  }

  /** Removes a call that its caller cancelled. */
  cancel(id: number): PendingCall | undefined {
    const call = this.#remove(id);
    if (call?.isSent === true) this.#cancelled.set(id, call.idempotencyKey);
    return call;
  }

  #remove(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) return undefined;
    this.#calls.delete(id);
    this.#bytes -= call.frame.size;
    call.removeAbortListener?.();
    return call;
  }

  /** Takes the cancelled calls that may still run and were not made again. The next connection cancels them, once. */
  takeCancelled(): readonly (readonly [id: number, idempotencyKey: string])[] {
    const activeKeys = new Set([...this.#calls.values()].map(({ idempotencyKey }) => idempotencyKey));
    const cancelled = [...this.#cancelled].filter(([, idempotencyKey]) => !activeKeys.has(idempotencyKey));
    this.#cancelled.clear();
    return cancelled;
  }
}
