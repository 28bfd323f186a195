import type { Logger } from "@holdfast/core";
import type { PluginName } from "./manifest/names.ts";
import { pluginLimits } from "./plugin-limits.ts";
import type { EventEnvelope } from "./runtime/api.ts";

export interface EventQueueOptions {
  readonly plugin: PluginName;
  /** Resolves when the plugin has taken it. */
  readonly handOver: (envelope: EventEnvelope) => Promise<void>;
  readonly log: Logger;
  readonly redact: (text: string) => string;
}

/** The events for one plugin, handed over one after the other, in the order in which they came. */
export class EventQueue {
  readonly #parts: EventQueueOptions;
  readonly #waiting: EventEnvelope[] = [];
  #handingOver = false;
  #missed = 0;

  constructor(parts: EventQueueOptions) {
    this.#parts = parts;
  }

  /** How many there was no room for. */
  get missed(): number {
    return this.#missed;
  }

  /** One for which there is no room is missed; the first is told. */
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

  /** Those that wait are handed to nobody. */
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
    // In the same step as the last look: what comes after it begins anew.
    this.#handingOver = false;
  }
}
