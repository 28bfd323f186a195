import type { ClientHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { NodeSession } from "@holdfast/actors";
import { HoldfastError, isHoldfastError, type Logger, type Tasks, type Timer } from "@holdfast/core";
import { LinkLost } from "../link-lost.ts";
import type { NodeAddress } from "../placement.ts";
import { type LinkKind, linkHeader } from "./headers.ts";
import type { Links } from "./links.ts";

export interface OutboundOptions {
  readonly links: Links;
  readonly tasks: Tasks;
  readonly log: Logger;
  /** Time limit for the first of the nodes to accept a stream, and the pause before a lost one is opened again. */
  readonly connectTimeoutMs: number;
  readonly retryMs: number;
  /** Another node sends its link over this stream. */
  accept(stream: Duplex): void;
}

/** What a node that does not listen holds open: a stream to each node that does, over which these reach it. */
export class Outbound {
  readonly #options: OutboundOptions;
  /** By run of a node that listens. */
  readonly #targets = new Map<string, NodeAddress>();
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(options: OutboundOptions) {
    this.#options = options;
  }

  /**
   * Connects to all of the nodes that listen; resolves with the first. Throws `cluster.no_relay`, and errors of links
   * if none trusts this node.
   */
  async start(nodes: readonly NodeAddress[]): Promise<void> {
    const { tasks, connectTimeoutMs } = this.#options;
    const listening = nodes.filter(listens);
    if (listening.length === 0) throw noRelay("None runs");
    const attempts = listening.map((node) => {
      this.#targets.set(keyOf(node), node);
      return this.#hold(node);
    });
    const timer = { cancel: (): void => undefined };
    const late = new Promise<never>((_, reject) => {
      timer.cancel = (): void => started.cancel();
      const started = tasks.after(connectTimeoutMs, () => reject(new Error("None answers")));
    });
    try {
      await Promise.race([Promise.any(attempts), late]);
    } catch (error) {
      this.close();
      throw refusal(error, listening);
    } finally {
      timer.cancel();
    }
  }

  /** The nodes that have a session now: connects to those that are new. */
  retain(nodes: readonly NodeAddress[]): void {
    const listening = new Map(nodes.filter(listens).map((node) => [keyOf(node), node]));
    for (const key of this.#targets.keys()) if (!listening.has(key)) this.#targets.delete(key);
    for (const [key, node] of listening) {
      if (this.#targets.has(key) || this.#isClosed) continue;
      this.#targets.set(key, node);
      this.#hold(node).catch(() => undefined);
    }
  }

  /** A stream to another node that does not listen, through the first that passes it on. Throws `LinkLost`. */
  async relay(node: string): Promise<Duplex> {
    let cause: unknown = new Error("No node passes requests on to it");
    for (const through of this.#targets.values()) {
      try {
        return await openCarrier(this.#options.links, through, "relay", node);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        cause = error.cause;
      }
    }
    throw new LinkLost(false, cause);
  }

  close(): void {
    this.#isClosed = true;
    this.#targets.clear();
    for (const timer of this.#timers) timer.cancel();
  }

  /** Opens a stream, and again whenever it is lost while the node has a session. Throws if the first attempt fails. */
  async #hold(node: NodeAddress): Promise<void> {
    const again = (): void => {
      if (this.#isClosed || this.#targets.get(keyOf(node)) !== node) return;
      const timer = this.#options.tasks.after(this.#options.retryMs, () => {
        this.#timers.delete(timer);
        if (this.#targets.get(keyOf(node)) === node) this.#hold(node).catch(() => undefined);
      });
      this.#timers.add(timer);
    };
    try {
      const stream = await openCarrier(this.#options.links, node, "reverse");
      stream.once("close", again);
      this.#options.accept(stream);
    } catch (error) {
      this.#options.log.debug("a node that listens cannot be reached", { node: node.id, error });
      again();
      throw error;
    }
  }
}

/** True for a node that others connect to. */
export function listens({ address }: Pick<NodeAddress, "address">): boolean {
  return address !== "";
}

/** Opens a stream that carries another link. Throws as `Link.open` does. */
export async function openCarrier(
  links: Links,
  node: NodeAddress,
  kind: LinkKind & ("reverse" | "relay" | "carrier"),
  to = "",
): Promise<ClientHttp2Stream> {
  const headers = { ":method": "POST", ":path": "/", [linkHeader.node]: to };
  const stream = await links.to(node).open(kind, headers, false);
  let failure: unknown = new Error("The node closed the stream");
  stream.on("error", (error) => {
    failure = error;
  });
  const status = await new Promise<number | undefined>((resolve) => {
    stream.once("response", (answer) => resolve(answer[":status"]));
    stream.once("close", () => resolve(undefined));
  });
  if (status === 200) return stream;
  stream.close();
  throw new LinkLost(false, status === undefined ? failure : new Error(`The node answered ${status}`));
}

function keyOf({ id, incarnation }: NodeSession): string {
  return `${incarnation} ${id}`;
}

/** The reason why none of the nodes can be used. */
function refusal(error: unknown, nodes: readonly NodeAddress[]): HoldfastError {
  const [first = error] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const cause = first instanceof LinkLost ? first.cause : first;
  if (isHoldfastError(cause)) return cause;
  const addresses = nodes.map(({ address }) => address).join(", ");
  return noRelay(
    `${addresses} cannot be reached (${cause instanceof Error ? cause.message : String(cause)})`,
  );
}

function noRelay(why: string): HoldfastError {
  const message = `A node without an address of its own needs a node that has one, over which the others reach it. ${why}. Start one with HOLDFAST_ADVERTISE, at an address that this process reaches`;
  return new HoldfastError("cluster", "no_relay", message, { statusCode: 503 });
}
