import type { Links } from "../links/links.ts";
import type { NodeAddress } from "../placement.ts";
import type { WakeupTransport } from "./transport.ts";

/** Wake-ups over the connections between nodes. */
export class LinkWakeups implements WakeupTransport {
  readonly name = "links";
  readonly #links: Links;

  constructor(links: Links) {
    this.#links = links;
  }

  get isUp(): boolean {
    return this.#links.reachesAll;
  }

  send(node: NodeAddress, message: string): Promise<boolean> {
    return this.#links.wake(node, message);
  }

  /** The links close with their node. */
  async close(): Promise<void> {}
}
