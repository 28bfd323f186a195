import { readdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { Logger } from "@holdfast/core";
import { organizationNamedBy } from "../../access/organization-ids.ts";
import type { Environments } from "../../environments/environments.ts";
import { removeFolder } from "../../environments/snapshot-files.ts";
import { studioLimits } from "../../limits.ts";
import type { Mirrors } from "../../remotes/mirrors.ts";
import { nodePaths, type OtherNodes } from "../other-nodes.ts";

export interface OrganizationFilesOptions {
  readonly dataDirectory: string;
  readonly environments: Pick<Environments, "removeAll">;
  readonly mirrors: Pick<Mirrors, "remove">;
  /** Removes the record of an environment. An unknown one is not an error. */
  readonly removeRecord: (environment: string) => Promise<void>;
  /** Those of some organizations that were deleted. */
  readonly deletedOf: (organizations: readonly string[]) => Promise<readonly string[]>;
  readonly others: Pick<OtherNodes, "ask" | "ids">;
  readonly log: Logger;
}

/**
 * What nodes have on disk for an organization: environments, files that tasks left when they moved on, copies of
 * connected repositories.
 */
export class OrganizationFiles {
  readonly #options: OrganizationFilesOptions;
  /** Ends the requests to other nodes, and the sweep. */
  readonly #closing = new AbortController();
  #sweeping = Promise.resolve();

  constructor(options: OrganizationFilesOptions) {
    this.#options = options;
  }

  /**
   * Removes what the nodes have of an organization that is being deleted. A node that does not do it now does it at its
   * next start.
   */
  async remove(organization: string): Promise<void> {
    const { others, log } = this.#options;
    const late = AbortSignal.timeout(studioLimits.removeFilesMs);
    const signal = AbortSignal.any([this.#closing.signal, late]);
    const asked = others.ids.map((node) =>
      others.ask(node, nodePaths.organizationFiles, { organization }, signal).catch((error: unknown) =>
        log.warn("another node could not remove the files of an organization: it does at its next start", {
          ...{ node, organization, error },
        }),
      ),
    );
    await Promise.all([this.#removeHere(organization), ...asked]);
  }

  /** Answers another node. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { organization } = (await json(request)) as { readonly organization: string };
    await this.#removeHere(organization);
    response.end("{}");
  }

  /** Begins to remove what is left here of organizations that were deleted while this node was away. */
  beginSweep(): void {
    this.#sweeping = this.#sweep().catch((error: unknown) => {
      if (!this.#closing.signal.aborted)
        this.#options.log.warn("could not remove what is left of deleted organizations", { error });
    });
  }

  /** Resolves when the sweep has ended. */
  get swept(): Promise<void> {
    return this.#sweeping;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const present = new Set<string>();
    for (const folder of ["environments", join("environments", "caches"), "tasks", "mirrors"])
      for (const name of await this.#namesIn(folder)) {
        const organization = organizationNamedBy(name);
        if (organization !== undefined) present.add(organization);
      }
    if (present.size === 0) return;
    for (const organization of await this.#options.deletedOf([...present])) {
      if (this.#closing.signal.aborted) return;
      await this.#removeHere(organization);
    }
  }

  async #removeHere(organization: string): Promise<void> {
    const { dataDirectory, environments, mirrors, removeRecord } = this.#options;
    const isOwn = (name: string) => organizationNamedBy(name) === organization;
    await environments.removeAll(organization, removeRecord);
    for (const name of await this.#namesIn("tasks"))
      if (isOwn(name)) await removeFolder(join(dataDirectory, "tasks", name));
    for (const name of await this.#namesIn("mirrors"))
      if (isOwn(name) && name.endsWith(".git")) await mirrors.remove(name.slice(0, -".git".length));
  }

  async #namesIn(folder: string): Promise<readonly string[]> {
    return readdir(join(this.#options.dataDirectory, folder)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  }
}
