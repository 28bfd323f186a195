import { HoldfastError, type Tasks, type Timer } from "@holdfast/core";
import type { CancelSignal } from "../../cancellation.ts";
import type { Connection } from "../connections/connection.ts";
import { asAbortError } from "../lifecycle/error-filter.ts";
import type { ScheduledRun } from "../schedule/fire.ts";
import type { CallOutcome } from "../turn/call-result.ts";
import type { Output } from "../turn/commit-queue.ts";
import type { LockHolder } from "../turn/transaction-lock.ts";

interface Waiter {
  resolve(result: Uint8Array): void;
  reject(error: HoldfastError): void;
}

/** Removes the listener from a waiter's signal. */
type Unlisten = () => void;

/**
 * One running action and everyone who waits for its result: its caller, and retries with the same key. As an output,
 * it delivers the result once the commit is durable.
 */
export class RunningCall implements Output, LockHolder {
  readonly key: string | undefined;
  /** The actor's write count when the call began; a greater count later means that it may have written. */
  #writesBefore: number | undefined;
  #sendsBefore = 0;
  startedRecorded = false;
  /** True while it is inside the transaction lock. */
  entered = false;
  parked = false;
  /** Its result leaves before its writes are durable. */
  isRelaxed = false;
  /** Connection that user code requested in a stateless call; it ends with the call. */
  transient: Connection | undefined;
  /** True if the result is a stream. */
  isStream = false;
  /** Set for a call that was started by a schedule. */
  scheduled: ScheduledRun | undefined;
  /** The first waiter is the caller, and retries are rare; a waiter that has left is undefined. */
  #waiter: Waiter | undefined;
  #joined: Set<Waiter> | undefined;
  #unlisten: Unlisten | undefined;
  #timers: Timer[] | undefined;
  #controller: AbortController | undefined;
  #abortReason: HoldfastError | undefined;
  #settled = false;
  #onEnd: ((succeeded: boolean) => void) | undefined;
  #outcome: CallOutcome | undefined;

  constructor(key: string | undefined) {
    this.key = key;
  }

  /** Marks the moment from which it may write; only the first call counts. */
  markStarted(writes: number, sends: number): void {
    if (this.#writesBefore !== undefined) return;
    this.#writesBefore = writes;
    this.#sendsBefore = sends;
  }

  /** False while it waits for admission. */
  get hasBegun(): boolean {
    return this.#writesBefore !== undefined;
  }

  mayHaveWritten(writes: number): boolean {
    return this.#writesBefore !== undefined && this.#writesBefore !== writes;
  }

  /** True if an output has left that a second run would send again. */
  mayHaveSent(sends: number): boolean {
    return this.#writesBefore !== undefined && this.#sendsBefore !== sends;
  }

  /** The reason of the abort, if it was aborted. */
  get abortReason(): HoldfastError | undefined {
    return this.#abortReason;
  }

  /** Created on demand: most actions do not use it. */
  get abortSignal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(asAbortError(this.#abortReason));
    }
    return this.#controller.signal;
  }

  abort(reason: HoldfastError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(asAbortError(reason));
  }

  /** Adds a waiter. It leaves when its signal aborts; when the last one leaves, the action is aborted. */
  wait(waiter: Waiter, signal: CancelSignal | undefined): void {
    this.#add(waiter);
    if (signal === undefined) return;
    const leave = (): void => {
      if (this.#settled || !this.#remove(waiter)) return;
      const error = cancelledError();
      waiter.reject(error);
      if (this.#waiter === undefined && (this.#joined?.size ?? 0) === 0) this.abort(error);
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    const others = this.#unlisten;
    this.#unlisten = () => {
      signal.removeEventListener("abort", leave);
      others?.();
    };
  }

  /** Aborts the action as if all waiters had left. */
  cancel(): void {
    if (this.#settled) return;
    const error = cancelledError();
    this.reject(error);
    this.abort(error);
  }

  #add(waiter: Waiter): void {
    if (this.#waiter === undefined) {
      this.#waiter = waiter;
      return;
    }
    this.#joined ??= new Set();
    this.#joined.add(waiter);
  }

  /** Returns false if the waiter had left already. */
  #remove(waiter: Waiter): boolean {
    if (this.#waiter !== waiter) return this.#joined?.delete(waiter) ?? false;
    this.#waiter = undefined;
    return true;
  }

  #takeWaiters(): readonly Waiter[] {
    const first = this.#waiter === undefined ? [] : [this.#waiter];
    const waiters = this.#joined === undefined ? first : [...first, ...this.#joined];
    this.#waiter = undefined;
    this.#joined = undefined;
    return waiters;
  }

  /** Lifts the time limit: a stream may take as long as its chunks do. */
  beginStream(): void {
    this.isStream = true;
    for (const timer of this.#timers ?? []) timer.cancel();
  }

  get hasTimeout(): boolean {
    return this.#timers !== undefined;
  }

  /** Calls `expired` after the timeout unless the call has settled. */
  startTimeout(tasks: Tasks, timeoutMs: number, expired: () => void): void {
    this.#timers ??= [];
    this.#timers.push(tasks.after(timeoutMs, expired));
  }

  /** Called once, after the action has ended and before its last turn closes. */
  onEnd(callback: (succeeded: boolean) => void): void {
    this.#onEnd = callback;
  }

  /** Records the outcome, which then leaves through the output gate. */
  end(outcome: CallOutcome): void {
    this.#outcome = outcome;
    this.#settled = true;
    this.#onEnd?.(outcome.type === "result");
    this.scheduled?.ended(outcome);
    for (const timer of this.#timers ?? []) timer.cancel();
    this.#timers = undefined;
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  release(): void {
    const outcome = this.#outcome;
    if (outcome === undefined) return;
    if (outcome.type === "error") return this.reject(outcome.error);
    if (this.#joined === undefined) {
      this.#waiter?.resolve(outcome.bytes);
      this.#waiter = undefined;
    } else for (const waiter of this.#takeWaiters()) waiter.resolve(outcome.bytes);
  }

  drop(error: HoldfastError): void {
    this.reject(error);
  }

  /** Rejects all current waiters; a later retry may join and wait again. */
  reject(error: HoldfastError): void {
    for (const waiter of this.#takeWaiters()) waiter.reject(error);
  }
}

function cancelledError(): HoldfastError {
  return new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499 });
}
