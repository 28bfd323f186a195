import type { Logger } from "@holdfast/core";
import type { PluginName } from "./manifest/names.ts";
import { pluginLimits } from "./plugin-limits.ts";
import type { EventEnvelope } from "./runtime/api.ts";

export interface EventQueueOptions {
  readonly plugin: PluginName;
  /** Delivers one event; resolves once the plugin has handled it. */
  readonly deliver: (envelope: EventEnvelope) => Promise<void>;
  readonly log: Logger;
  readonly redact: (text: string) => string;
}

/** Bounded queue of events for one plugin, delivered one at a time in order. */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #queue: EventEnvelope[] = [];
  #draining = false;
  #dropped = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  /** Number of events dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Drops the event when the queue is full, and reports the first drop. */
  add(envelope: EventEnvelope): void {
    if (this.#queue.length >= pluginLimits.maxWaitingEvents) {
      const { log, plugin } = this.#options;
      if (this.#dropped === 0) log.warn("a plugin's event queue is full; events are dropped", { plugin });
      this.#dropped += 1;
      return;
    }
    this.#queue.push(envelope);
    if (!this.#draining) void this.#drain();
  }

  /** Discards the queued events. */
  clear(): void {
    this.#queue.length = 0;
  }

  async #drain(): Promise<void> {
    const { plugin, deliver, log, redact } = this.#options;
    this.#draining = true;
    for (let envelope = this.#queue.shift(); envelope !== undefined; envelope = this.#queue.shift()) {
      try {
        await deliver(envelope);
      } catch (error) {
        const { topic } = envelope;
        log.warn("an event could not be delivered to a plugin", {
          plugin,
          topic,
          error: redact(String(error)),
        });
      }
    }
    // Runs in the same tick as the last check of the queue, so an event added later starts a new drain.
    this.#draining = false;
  }
}
