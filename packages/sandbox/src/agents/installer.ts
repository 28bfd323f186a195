import type { Logger } from "@holdfast/core";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { InstallArtifact, InstallOptions } from "./install.ts";
import { type LaunchContext, locateAgent } from "./launch.ts";
import type { AgentRow } from "./row.ts";

/** Of the five seconds that a server may take to close. */
const closeMs = 3_000;

export type InstallRequest = Pick<InstallOptions, "reinstall" | "agentVersion" | "agentProcessVersion">;

export interface Installed {
  readonly alreadyInstalled: boolean;
  readonly artifacts: readonly InstallArtifact[];
}

/** Installs agents for a server: one install of an agent at a time, into the agents directory. */
export class AgentInstaller {
  readonly #context: LaunchContext;
  readonly #log: Logger;
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #abort = new AbortController();

  constructor(context: LaunchContext, log: Logger) {
    this.#context = context;
    this.#log = log;
  }

  /**
   * Makes sure that the agent is there. One that its user has put in PATH, or that a launcher stands
   * for, is left alone unless a version or a new install is asked for. Rejects as `installAgent` does.
   */
  async install(row: AgentRow, request: InstallRequest = {}): Promise<Installed> {
    const before = this.#running.get(row.id) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#install(row, request));
    this.#running.set(row.id, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(row.id) === mine) this.#running.delete(row.id);
    }
  }

  /** Ends what is being installed, and waits a moment until nothing is left of it. */
  async close(): Promise<void> {
    this.#abort.abort();
    await settlesWithin(Promise.allSettled(this.#running.values()), closeMs);
  }

  async #install(row: AgentRow, request: InstallRequest): Promise<Installed> {
    // Loaded when it is asked for: most servers install nothing.
    const { artifactsAt, installAgent } = await import("./install.ts");
    const found = await locateAgent(row, this.#context);
    const asked =
      request.reinstall === true ||
      request.agentVersion !== undefined ||
      request.agentProcessVersion !== undefined;
    if (found && found.source !== "registry" && (!asked || Object.keys(row.packages).length === 0)) {
      return { alreadyInstalled: true, artifacts: artifactsAt(row, found) };
    }
    const installed = await installAgent(row.id, this.#context.agentsDirectory, {
      ...request,
      agents: [row],
      signal: this.#abort.signal,
    }).catch((error: unknown) => {
      // Whoever asked may have gone, or be told nothing more than that the answer broke off.
      this.#log.warn("agent not installed", { agent: row.id, cause: String(error) });
      throw error;
    });
    if (!installed.alreadyInstalled) {
      this.#log.info("agent installed", { agent: row.id, version: installed.version ?? null });
    }
    return installed;
  }
}
