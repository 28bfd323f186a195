import type { Logger } from "@holdfast/core";
import type { PluginName } from "./manifest/names.ts";
import { pluginLimits } from "./plugin-limits.ts";
import type { EventEnvelope } from "./runtime/api.ts";

export interface EventQueueOptions {
  readonly plugin: PluginName;
  /** Resolves when the plugin has accepted the event. */
  readonly handOver: (envelope: EventEnvelope) => Promise<void>;
  readonly log: Logger;
  readonly redact: (text: string) => string;
}

/** Bounded queue of events for one plugin, delivered one at a time in order. */
export class EventQueue {
  readonly #parts: EventQueueOptions;
  readonly #waiting: EventEnvelope[] = [];
  #handingOver = false;
  #missed = 0;

  constructor(parts: EventQueueOptions) {
    this.#parts = parts;
  }

  /** Number of events dropped because the queue was full. */
  get missed(): number {
    return this.#missed;
  }

  /** Drops the event when the queue is full, and reports the first drop. */
  add(envelope: EventEnvelope): void {
    if (this.#waiting.length >= pluginLimits.maxWaitingEvents) {
      const { log, plugin } = this.#parts;
      if (this.#missed === 0) log.warn("a plugin misses events", { plugin });
      this.#missed += 1;
      return;
    }
    this.#waiting.push(envelope);
    if (!this.#handingOver) void this.#handOverAll();
  }

  /** Discards the queued events. */
  drop(): void {
    this.#waiting.length = 0;
  }

  async #handOverAll(): Promise<void> {
    const { plugin, handOver, log, redact } = this.#parts;
    this.#handingOver = true;
    for (let envelope = this.#waiting.shift(); envelope !== undefined; envelope = this.#waiting.shift()) {
      try {
        await handOver(envelope);
      } catch (error) {
        const { topic } = envelope;
        log.warn("a plugin did not take an event", { plugin, topic, error: redact(String(error)) });
      }
    }
    // In the same tick as the last check, so that an event that comes later starts the delivery again.
    this.#handingOver = false;
  }
}
