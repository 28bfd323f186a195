import type { Logger } from "@holdfast/core";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { InstallArtifact, InstallOptions } from "./install.ts";
import { type LaunchContext, locateAgent } from "./launch.ts";
import type { AgentRow } from "./row.ts";

/** Part of the five seconds that a server has to shut down. */
const closeTimeoutMs = 3_000;

export type InstallRequest = Pick<InstallOptions, "reinstall" | "agentVersion" | "agentProcessVersion">;

/** Outcome of an installation: its programs, and whether they were there before. */
export interface InstallResult {
  readonly alreadyInstalled: boolean;
  readonly artifacts: readonly InstallArtifact[];
}

/** Installs agents into the agents directory of a server. Installations of one agent run one at a time. */
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
   * Ensures that an agent is installed. An agent in PATH or behind a launcher override is kept, unless the request
   * names a version or reinstalls. Rejects as `installAgent` does.
   */
  async install(row: AgentRow, request: InstallRequest = {}): Promise<InstallResult> {
    const previous = this.#running.get(row.id) ?? Promise.resolve();
    const current = previous.catch(() => {}).then(() => this.#install(row, request));
    this.#running.set(row.id, current);
    try {
      return await current;
    } finally {
      if (this.#running.get(row.id) === current) this.#running.delete(row.id);
    }
  }

  /** Aborts running installations and waits briefly until they are cleaned up. */
  async close(): Promise<void> {
    this.#abort.abort();
    await settlesWithin(Promise.allSettled(this.#running.values()), closeTimeoutMs);
  }

  async #install(row: AgentRow, request: InstallRequest): Promise<InstallResult> {
    // Loaded on first use, because most servers install nothing.
    const { artifactsOf, installAgent } = await import("./install.ts");
    const location = await locateAgent(row, this.#context);
    const isExplicit =
      request.reinstall === true ||
      request.agentVersion !== undefined ||
      request.agentProcessVersion !== undefined;
    if (
      location &&
      location.source !== "registry" &&
      (!isExplicit || Object.keys(row.packages).length === 0)
    ) {
      return { alreadyInstalled: true, artifacts: artifactsOf(row, location) };
    }
    const installed = await installAgent(row.id, this.#context.agentsDirectory, {
      ...request,
      agents: [row],
      signal: this.#abort.signal,
    }).catch((error: unknown) => {
      // Log the error here: the client may have disconnected, or sees only that the response broke off.
      this.#log.warn("agent installation failed", { agent: row.id, cause: String(error) });
      throw error;
    });
    if (!installed.alreadyInstalled) {
      this.#log.info("agent installed", { agent: row.id, version: installed.version ?? null });
    }
    return installed;
  }
}
