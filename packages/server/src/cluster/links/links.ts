import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import type { NodeSession } from "@holdfast/actors";
import { isHoldfastError, type Logger } from "@holdfast/core";
import type { NodeAddress } from "../placement.ts";
import { linkHeader } from "./headers.ts";
import { Link, type LinkOptions } from "./link.ts";

/** The links from this node to the others. */
export class Links {
  readonly #options: LinkOptions & { readonly log: Logger };
  /** By run of a node: a link to an earlier run is closed when that has left the cluster. */
  readonly #links = new Map<string, Link>();
  readonly #unreachable = new Set<string>();

  constructor(options: LinkOptions & { readonly log: Logger }) {
    this.#options = options;
  }

  to(node: NodeAddress): Link {
    const key = keyOf(node);
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(node.id, node.address, this.#options);
      this.#links.set(key, link);
    }
    return link;
  }

  /** Closes the links to nodes that have left: requests that wait for them fail, and are sent elsewhere. */
  retain(nodes: readonly NodeSession[]): void {
    const kept = new Set(nodes.map(keyOf));
    for (const [key, link] of this.#links) {
      if (kept.has(key)) continue;
      this.#links.delete(key);
      this.#unreachable.delete(key);
      link.close();
    }
  }

  /**
   * Tells other nodes about a change of leases; resolves when those that can be reached have read it. One that does
   * not hear it reads the store soon anyway.
   */
  async announce(nodes: readonly NodeAddress[], revision: number): Promise<void> {
    await Promise.all(nodes.map((node) => this.#announce(node, revision)));
  }

  async #announce(node: NodeAddress, revision: number): Promise<void> {
    const key = keyOf(node);
    try {
      const headers = { ":method": "POST", ":path": "/", [linkHeader.revision]: String(revision) };
      const stream: Duplex = await this.to(node).open("revision", headers, true);
      stream.resume();
      await finished(stream, { writable: false });
      this.#unreachable.delete(key);
    } catch (error) {
      if (this.#unreachable.has(key)) return;
      this.#unreachable.add(key);
      const reason = isHoldfastError(error) ? error.message : undefined;
      this.#options.log.warn("another node cannot be reached at its advertised address", {
        ...{ node: node.id, address: node.address, error },
        ...(reason === undefined ? {} : { reason }),
      });
    }
  }

  close(): void {
    this.retain([]);
  }
}

function keyOf({ id, incarnation }: NodeSession): string {
  return `${incarnation} ${id}`;
}
