import { HoldfastError, type Tasks, type Timer } from "@holdfast/core";
import type { CallOutcome } from "./call-result.ts";
import type { Output } from "./commit-queue.ts";
import type { Connection } from "./connection.ts";
import type { ScheduledRun } from "./schedule/fire.ts";

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
export class RunningCall implements Output {
  readonly key: string | undefined;
  /** How often the actor had been written to when the call began: tells whether it wrote. */
  #writesBefore: number | undefined;
  startedRecorded = false;
  /** Past the turnstile, and not out again. */
  entered = false;
  /** Its result leaves before what it wrote is durable. */
  goesFirst = false;
  /** The connection that user code asked for in a stateless call; it ends with the call. */
  transient: Connection | undefined;
  /** Its result comes in pieces. */
  isStream = false;
  /** Of a call that a schedule makes. */
  scheduled: ScheduledRun | undefined;
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: Unlisten[] = [];
  readonly #timers: Timer[] = [];
  #controller: AbortController | undefined;
  #abortReason: HoldfastError | undefined;
  #settled = false;
  #onEnd: ((succeeded: boolean) => void) | undefined;
  #outcome: CallOutcome | undefined;

  constructor(key: string | undefined) {
    this.key = key;
  }

  /** From now on it may write; the first time counts. */
  began(writes: number): void {
    this.#writesBefore ??= writes;
  }

  /** False while it waits for its turn. */
  get hasBegun(): boolean {
    return this.#writesBefore !== undefined;
  }

  mayHaveWritten(writes: number): boolean {
    return this.#writesBefore !== undefined && this.#writesBefore !== writes;
  }

  /** Why it is to stop, if it is. */
  get abortReason(): HoldfastError | undefined {
    return this.#abortReason;
  }

  /** Made when user code asks for it: most actions do not. */
  get abortSignal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  abort(reason: HoldfastError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(reason);
  }

  /** Adds a waiter; when its signal aborts it stops waiting, and the last one to stop aborts the action. */
  wait(waiter: Waiter, signal: AbortSignal | undefined): void {
    this.#waiters.add(waiter);
    if (signal === undefined) return;
    const leave = (): void => {
      if (this.#settled || !this.#waiters.delete(waiter)) return;
      const error = new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499 });
      waiter.reject(error);
      if (this.#waiters.size === 0) this.abort(error);
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    this.#listeners.push(() => signal.removeEventListener("abort", leave));
  }

  /** From now on the call may take as long as its pieces do. */
  beginStream(): void {
    this.isStream = true;
    for (const timer of this.#timers) timer.cancel();
  }

  get limited(): boolean {
    return this.#timers.length > 0;
  }

  /** Calls `expired` unless the call has been settled by then. */
  limit(tasks: Tasks, timeoutMs: number, expired: () => void): void {
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
    for (const timer of this.#timers) timer.cancel();
    this.#timers.length = 0;
    for (const unlisten of this.#listeners) unlisten();
    this.#listeners.length = 0;
  }

  release(): void {
    const outcome = this.#outcome;
    if (outcome === undefined) return;
    if (outcome.type === "error") return this.reject(outcome.error);
    for (const waiter of this.#waiters) waiter.resolve(outcome.bytes);
    this.#waiters.clear();
  }

  drop(error: HoldfastError): void {
    this.reject(error);
  }

  /** Tells all who wait now; a later retry may join and wait anew. */
  reject(error: HoldfastError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}
