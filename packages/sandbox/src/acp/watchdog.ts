import type { SandboxLimits } from "../limits.ts";
import type { PendingRequests } from "./pending.ts";

/**
 * Ends an agent that hangs: one that does not answer `initialize` in time, or that has a request
 * open, waits for nobody, and prints nothing for too long. The time in which a machine was paused, and after
 * which its clock is set forward, is not that of its agents.
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

  /** A sign of life, or a new request: patience begins anew. */
  touch(): void {
    this.#lastSignAt = performance.now();
    if (this.#pending.size === 0) return;
    const patience = this.#patience();
    // Signs of life only move the deadline, which the timer finds out by itself; a shorter patience counts now.
    if (this.#timer === undefined || this.#lastSignAt + patience < this.#dueAt) this.#arm(patience);
  }

  /** The agent is ended on purpose; the first reason is the one that counts. */
  setReason(reason: string): void {
    this.#reason ??= reason;
  }

  /** Why the agent was ended, once, if it was on purpose. */
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
