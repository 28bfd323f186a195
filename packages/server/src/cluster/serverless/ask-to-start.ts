import { type Place, placeText } from "../place.ts";
import type { NodeAddress } from "../placement.ts";
import { chooseHolders } from "../rendezvous.ts";
import { serverlessDefaults } from "./options.ts";
import type { Starter } from "./starter.ts";

export interface AskToStartOptions {
  /** True if this node serves actors with this name. */
  serves(name: string): boolean;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  /** The nodes that listen. */
  nodes(): readonly NodeAddress[];
  tell(nodes: readonly NodeAddress[], name: string, place: string | undefined): void;
}

/** Time after which all nodes are asked, because the first one has not started any. */
const escalateMs = 5_000;
const maxAsked = 1_000;

/**
 * Asks a node that listens to start one. A serverless node does not start others itself: its host may freeze it at any
 * time, and with it the request that keeps the other alive.
 */
export class AskToStart implements Starter {
  readonly waitMs = serverlessDefaults.startTimeoutMs;
  readonly #options: AskToStartOptions;
  /** When a node was asked for, by name and place. */
  readonly #asked = new Map<string, number>();

  constructor(options: AskToStartOptions) {
    this.#options = options;
  }

  async start(name: string, place: Place | undefined): Promise<boolean> {
    const { serves, monotonic, nodes, tell } = this.#options;
    if (!serves(name)) return false;
    const text = place === undefined ? undefined : placeText(place);
    const key = `${name} ${text ?? ""}`;
    const now = monotonic();
    const askedAt = this.#asked.get(key);
    if (askedAt !== undefined && now - askedAt < escalateMs) return true;
    if (this.#asked.size >= maxAsked) this.#asked.clear();
    this.#asked.set(key, now);
    const listening = nodes();
    // All nodes choose the same one, so that it starts one node for all of them.
    const [chosen] = chooseHolders(
      listening.map((node) => ({ ...node, weight: 1 })),
      key,
      1,
    );
    // An answer long ago says nothing: the node may have come and gone.
    const isFirst = askedAt === undefined || now - askedAt > 2 * escalateMs;
    tell(isFirst && chosen !== undefined ? [chosen] : listening, name, text);
    return true;
  }
}
