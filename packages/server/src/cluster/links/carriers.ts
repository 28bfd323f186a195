import type { Duplex } from "node:stream";
import { LinkLost } from "../link-lost.ts";

/** A stream for the link to a node that does not listen, and the way to get another one. */
export interface CarriersOptions {
  /** True for a node that listens: the others connect to it. */
  readonly listens: boolean;
  /** Asks the nodes that listen for a stream to another node. Throws `LinkLost`. */
  relay(node: string): Promise<Duplex>;
}

/**
 * Streams that carry links to nodes that do not listen. Such a node connects to each node that listens and offers it a
 * stream. Two nodes of which neither listens have one that does between them, which passes on what it cannot read.
 */
export class Carriers {
  readonly #options: CarriersOptions;
  readonly #offers = new Map<string, Duplex>();
  readonly #waiters = new Map<string, Set<(stream: Duplex) => void>>();

  constructor(options: CarriersOptions) {
    this.#options = options;
  }

  /** A node that does not listen offers a stream. A later offer replaces an earlier one. */
  offer(node: string, stream: Duplex): void {
    const [waiter] = this.#waiters.get(node) ?? [];
    if (waiter !== undefined) return waiter(stream);
    this.#offers.get(node)?.destroy();
    this.#offers.set(node, stream);
    stream.once("close", () => {
      if (this.#offers.get(node) === stream) this.#offers.delete(node);
    });
  }

  /** A stream to the node; waits until it offers one, or `signal` aborts. Throws `LinkLost`. */
  async open(node: string, signal: AbortSignal): Promise<Duplex> {
    if (!this.#options.listens) return this.#options.relay(node);
    const offered = this.#offers.get(node);
    if (offered !== undefined) {
      this.#offers.delete(node);
      return offered;
    }
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(node) ?? new Set();
      this.#waiters.set(node, waiters);
      const done = (stream: Duplex): void => {
        forget();
        resolve(stream);
      };
      const leave = (): void => {
        forget();
        reject(
          new LinkLost(false, new Error("The node, which does not listen, has not connected to this one")),
        );
      };
      const forget = (): void => {
        signal.removeEventListener("abort", leave);
        waiters.delete(done);
        if (waiters.size === 0 && this.#waiters.get(node) === waiters) this.#waiters.delete(node);
      };
      waiters.add(done);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  close(): void {
    for (const stream of this.#offers.values()) stream.destroy();
    this.#offers.clear();
  }
}
