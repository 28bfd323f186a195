import { realpath } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { ProviderName, Vault } from "@holdfast/gate";
import {
  type AgentConfigOption,
  type AgentRow,
  agentTable,
  type CustomAgent,
  customAgent,
  findAgent,
  withoutNodeModulesBins,
} from "@holdfast/sandbox";
import { commandHint } from "./command-hint.ts";
import type { AgentChoice, AgentOption } from "./contract.ts";

/** A configured agent: any program that speaks ACP on its standard input and output. */
export interface StudioAgent extends CustomAgent {
  /**
   * A host folder that the agent's jail mounts read-only. In `command` and `args`, "{directory}" is replaced by its
   * path in the jail, and "{node}" by that of Node.
   */
  readonly directory?: string;
}

export interface AgentCatalogueOptions {
  readonly agentsDirectory: string;
  readonly customAgents: readonly StudioAgent[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly vault: Vault;
  /** Included in the commands that hints suggest. */
  readonly dataDirectory?: string;
}

/** Catalogue of the agents: which exist, which are installed, and what they need to run. */
export class AgentCatalogue {
  readonly agentsDirectory: string;
  readonly #options: AgentCatalogueOptions;
  readonly #rows: readonly AgentRow[];

  constructor(options: AgentCatalogueOptions) {
    this.agentsDirectory = options.agentsDirectory;
    this.#options = options;
    this.#rows = [...agentTable, ...options.customAgents.map(customAgent)];
  }

  row(id: string): AgentRow | undefined {
    return this.#rows.find((row) => row.id === id);
  }

  customAgent(id: string): StudioAgent | undefined {
    return this.#options.customAgents.find((agent) => agent.id === id);
  }

  /** Undefined if the agent needs no model, or if its provider is not supported. */
  providerOf(row: AgentRow): ProviderName | undefined {
    switch (row.wire) {
      case "anthropic":
        return "anthropic";
      case "openai-responses":
      case "openai-chat":
        return "openai";
      case "gemini":
        return "google";
      case "none":
        return undefined;
    }
  }

  /** The model's name, if the user has configured one. */
  modelOf(provider: ProviderName): string | undefined {
    const names: Partial<Record<ProviderName, string>> = {
      anthropic: "ANTHROPIC_MODEL",
      openai: "OPENAI_MODEL",
      google: "GEMINI_MODEL",
    };
    const name = names[provider];
    return (name === undefined ? undefined : this.#options.environment[name]) || undefined;
  }

  async list(): Promise<readonly AgentChoice[]> {
    const available = new Set<ProviderName>();
    for (const each of await this.#options.vault.status()) if (each.available) available.add(each.provider);
    return Promise.all(this.#rows.map((row) => this.#choice(row, available)));
  }

  /**
   * Locates an agent on the host's PATH: the folder that its jail must mount, and the program's path in it. Undefined
   * for agents in the agents directory, and below /usr, which every jail mounts.
   */
  async locateOnPath(
    row: AgentRow,
  ): Promise<{ readonly root: string; readonly relative: string } | undefined> {
    if (row.entry !== undefined) return undefined;
    const found = await this.#find(row);
    if (found === undefined || found.path.startsWith(`${this.agentsDirectory}/`)) return undefined;
    const target = await realpath(found.path);
    if (target.startsWith("/usr/")) return undefined;
    const modules = target.indexOf("/node_modules/");
    // A package resolves its dependencies from the surrounding node_modules folder.
    const root = modules < 0 ? dirname(target) : target.slice(0, modules + "/node_modules".length);
    return { root, relative: relative(root, target) };
  }

  /** Returns the agent with the placeholders replaced by paths in its jail. */
  resolveCustomAgent(agent: StudioAgent, directory: string | undefined, node: string): CustomAgent {
    const substitute = (text: string) =>
      text.replaceAll("{directory}", directory ?? "").replaceAll("{node}", node);
    return {
      id: agent.id,
      ...(agent.name === undefined ? {} : { name: agent.name }),
      command: substitute(agent.command),
      args: (agent.args ?? []).map(substitute),
      ...(agent.env === undefined ? {} : { env: agent.env }),
    };
  }

  /** Environment for the demo agent. No other variable of the host is passed on. */
  demoEnvironment(): Readonly<Record<string, string>> {
    const pace = this.#options.environment.HOLDFAST_DEMO_PACE_MS;
    return pace === undefined ? {} : { HOLDFAST_DEMO_PACE_MS: pace };
  }

  async #choice(row: AgentRow, available: ReadonlySet<ProviderName>): Promise<AgentChoice> {
    const provider = this.providerOf(row);
    const installed = this.customAgent(row.id) !== undefined || (await this.#find(row)) !== undefined;
    const ready = row.wire === "none" || (provider !== undefined && available.has(provider));
    const version = Object.values(row.packages)[0];
    const hint = !installed
      ? `Run: ${this.#command(`agents install ${row.id}`)}`
      : ready
        ? undefined
        : this.#keyHint(provider);
    return {
      id: row.id,
      name: row.name,
      installed,
      ready,
      ...(row.configOptions === undefined ? {} : { options: row.configOptions.map(toAgentOption) }),
      ...(installed && version !== undefined && (await this.#isManaged(row)) ? { version } : {}),
      ...(hint === undefined ? {} : { hint }),
    };
  }

  #keyHint(provider: ProviderName | undefined): string {
    return provider === undefined
      ? "This agent's model provider is not supported yet"
      : `Run: ${this.#command(`auth api-key ${provider}`)}`;
  }

  #command(args: string): string {
    const { dataDirectory } = this.#options;
    return dataDirectory === undefined ? `npx holdfast ${args}` : commandHint(args, dataDirectory);
  }

  async #isManaged(row: AgentRow): Promise<boolean> {
    return (await this.#find(row))?.path.startsWith(`${resolve(this.agentsDirectory)}/`) === true;
  }

  #find(row: AgentRow) {
    const path = withoutNodeModulesBins(this.#options.environment.PATH);
    return findAgent(row, { agentsDirectory: this.agentsDirectory, path });
  }
}

/** An option that an agent is known to offer, before one runs. */
function toAgentOption({ id, name, category, options }: AgentConfigOption): AgentOption {
  return { id, name, category, current: "", values: options.map(({ value, name }) => ({ id: value, name })) };
}
