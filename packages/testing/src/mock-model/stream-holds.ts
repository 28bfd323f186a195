import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";

/** Streams that pause until the test releases them. */
export class StreamHolds {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #open = new Set<string>();
  readonly #events = new EventEmitter();

  /** Waits until `release(name)`, or until the client of `response` disconnects. */
  async wait(name: string, response: ServerResponse): Promise<void> {
    if (response.destroyed || this.#open.has(name)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const set = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, set.add(resolve));
    response.once("close", resolve);
    this.#events.emit("held", name);
    await promise;
    response.off("close", resolve);
    set.delete(resolve);
  }

  async held(name: string, signal?: AbortSignal): Promise<void> {
    while ((this.#waiting.get(name)?.size ?? 0) === 0) {
      await once(this.#events, "held", signal === undefined ? {} : { signal });
    }
  }

  release(name: string): void {
    this.#open.add(name);
    for (const resolve of this.#waiting.get(name) ?? []) resolve();
  }
}
