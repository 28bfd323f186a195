import type { SandboxLimits } from "../limits.ts";
import type { PendingRequests } from "./pending.ts";

/**
 * Watchdog for agents that hang: kills one that does not answer `initialize` in time, or that has an open
 * request, waits for no answer itself, and prints nothing for `silenceTimeoutMs`. It uses the monotonic clock,
 * so that a suspended machine does not count against its agents.
 */
export class Watchdog {
  readonly #limits: SandboxLimits;
  readonly #pending: PendingRequests;
  readonly #kill: (reason: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #lastSignAt = 0;
  #dueAt = 0;
  #reason: string | undefined;

  constructor(limits: SandboxLimits, pending: PendingRequests, cut: (reason: string) => void) {
    this.#limits = limits;
    this.#pending = pending;
    this.#kill = cut;
  }

  /** Restarts the timeout after output or a new request. */
  touch(): void {
    this.#lastSignAt = performance.now();
    if (this.#pending.size === 0) return;
    const patience = this.#patience();
    // A later deadline needs no new timer, because the timer checks it when it fires; an earlier one does.
    if (this.#timer === undefined || this.#lastSignAt + patience < this.#dueAt) this.#arm(patience);
  }

  /** Records why the agent is killed; the first reason counts. */
  setReason(reason: string): void {
    this.#reason ??= reason;
  }

  /** Returns and clears the reason; undefined when the agent ended by itself. */
  takeReason(): string | undefined {
    const reason = this.#reason;
    this.#reason = undefined;
    return reason;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + delayMs;
    this.#timer = setTimeout(() => this.#check(), delayMs);
    this.#timer.unref();
  }

  #check(): void {
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    const patience = this.#patience();
    const silentMs = performance.now() - this.#lastSignAt;
    if (silentMs < patience || this.#pending.agentWaits) {
      this.#arm(Math.max(patience - silentMs, 1_000));
      return;
    }
    this.#kill(this.#pending.has("initialize") ? "initialize_timed_out" : "agent_silent");
  }

  #patience(): number {
    const { initializeTimeoutMs, silenceTimeoutMs } = this.#limits;
    return this.#pending.has("initialize") ? initializeTimeoutMs : silenceTimeoutMs;
  }
}
