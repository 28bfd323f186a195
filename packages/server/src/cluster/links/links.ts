import type { NodeSession } from "@holdfast/actors";
import { type HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import type { LinkState } from "../../observe/cluster-metrics.ts";
import { LinkLost } from "../link-lost.ts";
import type { NodeAnswers } from "../node/directory-cluster.ts";
import type { NodeAddress } from "../placement.ts";
import type { LinkKind } from "./headers.ts";
import { Link, type LinkOptions } from "./link.ts";

/** The links from this node to the others. */
export class Links {
  readonly #options: LinkOptions & { readonly log: Logger };
  /** By run of a node: a link to an earlier run is closed when that has left the cluster. */
  readonly #links = new Map<string, Link>();
  readonly #unreachable = new Set<string>();
  #peers: ReadonlySet<string> = new Set();

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

  /** Number of links in each state. */
  get states(): Readonly<Record<LinkState, number>> {
    const states = { connected: 0, connecting: 0, disconnected: 0 };
    for (const { state } of this.#links.values()) states[state]++;
    return states;
  }

  /** Closes the links to nodes that have left: requests that wait for them fail, and are sent elsewhere. */
  retain(nodes: readonly NodeSession[]): void {
    const kept = new Set(nodes.map(keyOf));
    this.#peers = new Set(nodes.filter(({ id }) => id !== this.#options.self).map(keyOf));
    for (const [key, link] of this.#links) {
      if (kept.has(key)) continue;
      this.#links.delete(key);
      this.#unreachable.delete(key);
      link.close();
    }
  }

  /** True while all other nodes are connected. */
  get reachesAll(): boolean {
    return [...this.#peers].every((key) => this.#links.get(key)?.state === "connected");
  }

  /** Sends a wake-up; true once the other node has acted on it. */
  async wake(node: NodeAddress, message: string): Promise<boolean> {
    const key = keyOf(node);
    try {
      await this.to(node).ask("wakeup", JSON.parse(message));
      this.#unreachable.delete(key);
      return true;
    } catch (error) {
      // It connects to this one, as soon as it knows of it.
      if (this.#unreachable.has(key) || node.address === "") return false;
      this.#unreachable.add(key);
      this.#options.log.warn("another node cannot be reached at its advertised address", {
        ...{ node: node.id, address: node.address, reason: reasonOf(error), error },
      });
      return false;
    }
  }

  /** Asks nodes at once; those that do not answer within the time are named. */
  async askAll(
    kind: LinkKind,
    nodes: readonly NodeAddress[],
    question: unknown,
    timeoutMs: number,
  ): Promise<NodeAnswers> {
    const { promise: timeUp, resolve: end } = Promise.withResolvers<undefined>();
    const timer = this.#options.tasks.after(timeoutMs, () => end(undefined));
    const unanswered: string[] = [];
    const asked = nodes.map(async (node) => {
      const answer = await Promise.race([
        this.to(node)
          .ask(kind, question)
          .catch(() => undefined),
        timeUp,
      ]);
      if (answer === undefined) unanswered.push(node.id);
      return answer;
    });
    const answers = await Promise.all(asked);
    timer.cancel();
    return { answers: answers.filter((answer) => answer !== undefined), unanswered: unanswered.sort() };
  }

  /**
   * What another node answers when it is asked whether it reaches this one; the error if they do not trust each other,
   * undefined if it does not answer.
   */
  async askReach(
    node: NodeAddress,
    self: { readonly id: string; readonly address: string },
    timeoutMs: number,
  ): Promise<ReachAnswer | HoldfastError | undefined> {
    const link = this.to(node);
    return new Promise((resolve) => {
      const timer = this.#options.tasks.after(timeoutMs, () => resolve(undefined));
      link
        .ask("reach", self)
        .then((answer) => resolve(isReachAnswer(answer) ? answer : undefined))
        // Any other failure is said when the node is announced.
        .catch((error: unknown) => resolve(distrustOf(error)))
        .finally(() => timer.cancel());
    });
  }

  /** Answers that question of another node, over a connection of its own. */
  async reach(question: unknown): Promise<ReachAnswer> {
    const { id, address } = question as { readonly id?: unknown; readonly address?: unknown };
    if (typeof id !== "string" || typeof address !== "string") {
      return { reached: false, reason: "The question was invalid" };
    }
    const link = new Link(id, address, this.#options);
    try {
      await link.channel();
      return { reached: true };
    } catch (error) {
      return { reached: false, reason: reasonOf(error) };
    } finally {
      link.close();
    }
  }

  close(): void {
    this.retain([]);
  }
}

/** Whether a node reaches another one, and why not. */
export interface ReachAnswer {
  readonly reached: boolean;
  readonly reason?: string;
}

function isReachAnswer(answer: unknown): answer is ReachAnswer {
  return typeof answer === "object" && answer !== null && "reached" in answer;
}

function distrustOf(error: unknown): HoldfastError | undefined {
  const cause = error instanceof LinkLost ? error.cause : error;
  const isDistrust =
    isErrorCode(cause, "cluster", "certificate_refused") || isErrorCode(cause, "cluster", "secret_mismatch");
  return isDistrust ? cause : undefined;
}

/** The message of a typed error, or that of the network. */
function reasonOf(error: unknown): string {
  const cause = error instanceof LinkLost ? error.cause : error;
  return cause instanceof Error ? cause.message : "The connection was lost";
}

function keyOf({ id, incarnation }: NodeSession): string {
  return `${incarnation} ${id}`;
}
