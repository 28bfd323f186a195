import { HoldfastError } from "@holdfast/core";
import type { SharedPluginAnswer, SharedPluginHost, SharedPluginWork } from "@holdfast/gate";
import type { PublishedEvent } from "@holdfast/gate/plugin";

/** The way from the actors of plugins to the gate of the node that runs them, while that gate is open. */
export class LocalGate implements SharedPluginHost {
  #host: SharedPluginHost | undefined;

  /** Returns the function that ends it. */
  attach(host: SharedPluginHost): () => void {
    this.#host = host;
    return () => {
      if (this.#host === host) this.#host = undefined;
    };
  }

  /** Throws `plugin.unavailable`, and what refuses the event. */
  async publish(plugin: string, event: PublishedEvent): Promise<void> {
    await this.#require().publish(plugin, event);
  }

  /** Throws `plugin.unavailable`, `plugin.timeout`, `plugin.handler_failed`. */
  async perform(plugin: string, work: SharedPluginWork): Promise<SharedPluginAnswer> {
    return this.#require().perform(plugin, work);
  }

  #require(): SharedPluginHost {
    if (this.#host !== undefined) return this.#host;
    throw new HoldfastError("plugin", "unavailable", "The gate of this node is starting or stopping", {
      statusCode: 503,
    });
  }
}
