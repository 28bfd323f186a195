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

/** Stops listening to a waiter's signal. */
type Unlisten = () => void;

/**
 * One action that runs, and everyone who waits for its result: the caller, and retries of its key.
 * It is the output that carries the result.
 */
export class RunningCall implements Output, LockHolder {
  readonly key: string | undefined;
  /** How often the actor had been written to when the call began: tells whether it wrote. */
  #writesBefore: number | undefined;
  #sendsBefore = 0;
  startedRecorded = false;
  /** Past the transactionLock, and not out again. */
  entered = false;
  parked = false;
  /** Its result leaves before what it wrote is durable. */
  goesFirst = false;
  /** The connection that user code asked for in a stateless call; it ends with the call. */
  transient: Connection | undefined;
  /** Its result comes in pieces. */
  isStream = false;
  /** Of a call that a schedule makes. */
  scheduled: ScheduledRun | undefined;
  /** The first is the caller, whom retries hardly ever join; one that has left is undefined. */
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

  /** From now on it may write; the first time counts. */
  began(writes: number, sends: number): void {
    if (this.#writesBefore !== undefined) return;
    this.#writesBefore = writes;
    this.#sendsBefore = sends;
  }

  /** False while it waits for its turn. */
  get hasBegun(): boolean {
    return this.#writesBefore !== undefined;
  }

  mayHaveWritten(writes: number): boolean {
    return this.#writesBefore !== undefined && this.#writesBefore !== writes;
  }

  /** Something has left for somebody, which a second run would send again. */
  mayHaveSent(sends: number): boolean {
    return this.#writesBefore !== undefined && this.#sendsBefore !== sends;
  }

  /** Why it is to stop, if it is. */
  get abortReason(): HoldfastError | undefined {
    return this.#abortReason;
  }

  /** Made when user code asks for it: most actions do not. */
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

  /** Adds a waiter; when its signal aborts it stops waiting, and the last one to stop aborts the action. */
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

  /** As if all who wait had stopped waiting. */
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

  /** False for one that has left before. */
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

  /** From now on the call may take as long as its pieces do. */
  beginStream(): void {
    this.isStream = true;
    for (const timer of this.#timers ?? []) timer.cancel();
  }

  get limited(): boolean {
    return this.#timers !== undefined;
  }

  /** Calls `expired` unless the call has been settled by then. */
  limit(tasks: Tasks, timeoutMs: number, expired: () => void): void {
    this.#timers ??= [];
    this.#timers.push(tasks.after(timeoutMs, expired));
  }

  /** Called once, when the action has ended and before its last turn closes. */
  onEnd(callback: (succeeded: boolean) => void): void {
    this.#onEnd = callback;
  }

  /** The action has ended; its outcome leaves through the gate. */
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

  /** Tells all who wait now; a later retry may join and wait anew. */
  reject(error: HoldfastError): void {
    for (const waiter of this.#takeWaiters()) waiter.reject(error);
  }
}

function cancelledError(): HoldfastError {
  return new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499 });
}
