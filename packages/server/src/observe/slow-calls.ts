import type { ActorInstance } from "@holdfast/actors";
import type { Logger } from "@holdfast/core";

/** Records in each period. More are counted, and told of by the first record of the next one. */
const maxRecords = 20;
const periodMs = 10_000;

/** Logs calls that took long, each once; a bounded number of them, as what is slow is often slow for all. */
export class SlowCalls {
  readonly #log: Logger;
  readonly #thresholdMs: number;
  #period = 0;
  #records = 0;
  #omitted = 0;

  constructor(log: Logger, thresholdMs: number) {
    this.#log = log;
    this.#thresholdMs = thresholdMs;
  }

  /** To be told of every call that has ended. `endMs` is the time of the clock. */
  ended(instance: ActorInstance, action: string, durationMs: number, endMs: number, code?: string): void {
    if (durationMs < this.#thresholdMs) return;
    const period = Math.floor(endMs / periodMs);
    if (period !== this.#period) {
      this.#period = period;
      this.#records = 0;
    }
    if (this.#records >= maxRecords) {
      this.#omitted++;
      return;
    }
    this.#records++;
    const omitted = this.#omitted === 0 ? {} : { omitted: this.#omitted };
    this.#omitted = 0;
    const { id: actorId, name } = instance;
    this.#log.warn("slow call", { actorId, name, action, durationMs, ...(code && { code }), ...omitted });
  }
}
