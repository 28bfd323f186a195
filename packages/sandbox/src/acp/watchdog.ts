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
  #lastActivityAt = 0;
  #dueAt = 0;
  #reason: string | undefined;

  constructor(limits: SandboxLimits, pending: PendingRequests, kill: (reason: string) => void) {
    this.#limits = limits;
    this.#pending = pending;
    this.#kill = kill;
  }

  /** Restarts the timeout after output or a new request. */
  touch(): void {
    this.#lastActivityAt = performance.now();
    if (this.#pending.size === 0) return;
    const patience = this.#timeoutMs();
    // A later deadline needs no new timer, because the timer checks it when it fires; an earlier one does.
    if (this.#timer === undefined || this.#lastActivityAt + patience < this.#dueAt) this.#arm(patience);
  }

  /** Records why the agent is killed. The first reason wins. */
  setReason(reason: string): void {
    this.#reason ??= reason;
  }

  /** Returns and clears the reason; undefined if the agent exited by itself. */
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
    const patience = this.#timeoutMs();
    const silentMs = performance.now() - this.#lastActivityAt;
    if (silentMs < patience || this.#pending.isAgentWaiting) {
      this.#arm(Math.max(patience - silentMs, 1_000));
      return;
    }
    this.#kill(this.#pending.has("initialize") ? "initialize_timed_out" : "agent_silent");
  }

  #timeoutMs(): number {
    const { initializeTimeoutMs, silenceTimeoutMs } = this.#limits;
    return this.#pending.has("initialize") ? initializeTimeoutMs : silenceTimeoutMs;
  }
}
