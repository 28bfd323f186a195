import type { ObservedOptions } from "../agents/config-options.ts";
import { type LaunchContext, locateAgent } from "../agents/launch.ts";
import type { AgentConfigOption, AgentRow } from "../agents/row.ts";
import { detectCredentials } from "../credentials/detect.ts";
import { defaultMode, defaultModel } from "./transcript/session-shape.ts";
import type { Fields } from "./wire.ts";

export interface CatalogOptions {
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly context: LaunchContext;
  readonly observed: ObservedOptions;
}

/** Catalog of agents for OpenCode's clients: each agent is a provider with its models. */
export class Catalog {
  readonly #options: CatalogOptions;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  has(agentId: string): boolean {
    return this.#options.agents.has(agentId);
  }

  /** Returns all providers, the default model of each, and the ids of those that are ready to use. */
  async providers(): Promise<{
    readonly all: readonly Fields[];
    readonly default: Readonly<Record<string, string>>;
    readonly connected: readonly string[];
  }> {
    const rows = [...this.#options.agents.values()];
    const usable = await this.#findUsable(rows);
    return {
      all: rows.map((row) => this.#toProvider(row)),
      default: Object.fromEntries(rows.map((row) => [row.id, this.#defaultModelOf(row)])),
      connected: usable.map((row) => row.id),
    };
  }

  /** Returns the agent for sessions that name none: the first usable one with credentials, else the demo agent. */
  async defaultAgent(): Promise<string> {
    const rows = [...this.#options.agents.values()];
    const usable = await this.#findUsable(rows);
    const withCredentials = usable.find((row) => row.credentials.length > 0) ?? usable[0] ?? rows[0];
    return withCredentials?.id ?? "demo";
  }

  /** Returns the modes. OpenCode calls them agents. */
  modes(): readonly Fields[] {
    return [
      { name: defaultMode, description: "The agent works with its default settings." },
      { name: "plan", description: "The agent plans and changes nothing." },
    ].map((mode) => ({ ...mode, mode: "primary", native: true, permission: [], options: {} }));
  }

  async #findUsable(rows: readonly AgentRow[]): Promise<AgentRow[]> {
    const { context } = this.#options;
    const detected = new Set<string>(
      Object.keys(await detectCredentials({ home: context.home, env: context.env })),
    );
    const checked = await Promise.all(
      rows.map(async (row) => {
        const hasCredentials =
          row.credentials.length === 0 ||
          context.models[row.wire] !== undefined ||
          row.credentials.some((provider) => detected.has(provider));
        return hasCredentials && (await locateAgent(row, context)) ? [row] : [];
      }),
    );
    return checked.flat();
  }

  #models(row: AgentRow): AgentConfigOption["options"] {
    const options = this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    const values = options.find((option) => option.category === "model")?.options ?? [];
    return values.length > 0 ? values : [{ value: defaultModel, name: row.name }];
  }

  #defaultModelOf(row: AgentRow): string {
    const options = this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    const current = options.find((option) => option.category === "model")?.currentValue;
    return current ?? this.#models(row)[0]?.value ?? defaultModel;
  }

  #toProvider(row: AgentRow): Fields {
    const models = this.#models(row).map(({ value, name }) => [value, toModel(row, value, name)]);
    return {
      id: row.id,
      name: row.name,
      source: "custom",
      env: [],
      options: {},
      models: Object.fromEntries(models),
    };
  }
}

/** A model with the fields of both versions of the SDK. */
function toModel(row: AgentRow, id: string, name: string): Fields {
  const { images, reasoning } = row.capabilities;
  const modality = { text: true, audio: false, image: images, video: false, pdf: false };
  return {
    id,
    providerID: row.id,
    api: { id, url: "", npm: "" },
    name,
    family: row.name,
    capabilities: {
      temperature: false,
      reasoning,
      attachment: images,
      toolcall: true,
      input: modality,
      output: { ...modality, image: false },
      interleaved: false,
    },
    cost: { input: 0, output: 0, cache: { read: 0, write: 0 } },
    limit: { context: 0, output: 0 },
    status: "active",
    options: {},
    headers: {},
    release_date: "",
    variants: {},
    attachment: images,
    reasoning,
    temperature: false,
    tool_call: true,
  };
}
