/** What all nodes of a cluster have: sandboxes that run, and files of organizations. Each node answers for itself. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import type { RunningJail } from "@holdfast/gate";
import { organizationOfId } from "../../access/organization-ids.ts";
import { nodePaths, type OtherNodes } from "../other-nodes.ts";

/** A running jail, with the node that has it. */
export interface NodeJail extends RunningJail {
  /** Undefined on a single node. */
  readonly node?: string;
}

export interface FoundJails {
  /** Oldest first. */
  readonly jails: readonly NodeJail[];
  /** The nodes that did not answer in time. */
  readonly unanswered: readonly string[];
}

export interface ClusterSandboxesOptions {
  /** Those of this node. */
  readonly running: () => readonly RunningJail[];
  /** Id of this node; undefined on a single node. */
  readonly node: string | undefined;
  readonly others: Pick<OtherNodes, "askAll" | "ids">;
}

/** The running jails of all nodes. */
export class ClusterSandboxes {
  readonly #options: ClusterSandboxesOptions;

  constructor(options: ClusterSandboxesOptions) {
    this.#options = options;
  }

  /** Those that work for an organization. Those of plugins work for nobody alone. */
  async of(organization: string): Promise<FoundJails> {
    const { node, others } = this.#options;
    const own = this.#here(organization);
    if (node === undefined) return { jails: own, unanswered: [] };
    const question = { organization };
    const { answers, unanswered } = await others.askAll<readonly RunningJail[]>(
      others.ids,
      nodePaths.sandboxes,
      question,
    );
    const jails = [{ node, answer: own }, ...answers].flatMap((each) =>
      each.answer.map((jail): NodeJail => ({ ...jail, node: each.node })),
    );
    return { jails: jails.toSorted((a, b) => a.startedAt - b.startedAt), unanswered };
  }

  /** Answers another node. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { organization } = (await json(request)) as { readonly organization: string };
    response.end(JSON.stringify(this.#here(organization)));
  }

  #here(organization: string): readonly RunningJail[] {
    return this.#options
      .running()
      .filter(({ session }) => session !== undefined && organizationOfId(session) === organization);
  }
}
