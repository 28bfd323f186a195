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

/** Agents as OpenCode's clients choose among them: each is a provider, and its models are that provider's. */
export class Catalog {
  readonly #options: CatalogOptions;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  has(agentId: string): boolean {
    return this.#options.agents.has(agentId);
  }

  /** All providers, the model that each begins with, and those that can be used now. */
  async providers(): Promise<{
    readonly all: readonly Fields[];
    readonly default: Readonly<Record<string, string>>;
    readonly connected: readonly string[];
  }> {
    const rows = [...this.#options.agents.values()];
    const usable = await this.#usable(rows);
    return {
      all: rows.map((row) => this.#provider(row)),
      default: Object.fromEntries(rows.map((row) => [row.id, this.#firstModel(row)])),
      connected: usable.map((row) => row.id),
    };
  }

  /**
   * The agent of a session that names none: the first that is installed and has a credential, else the
   * scripted one.
   */
  async defaultAgent(): Promise<string> {
    const rows = [...this.#options.agents.values()];
    const usable = await this.#usable(rows);
    const real = usable.find((row) => row.credentials.length > 0) ?? usable[0] ?? rows[0];
    return real?.id ?? "demo";
  }

  /** What OpenCode calls agents: ways of working, which are modes here. */
  modes(): readonly Fields[] {
    return [
      { name: defaultMode, description: "The agent works as it is set up." },
      { name: "plan", description: "The agent plans and changes nothing." },
    ].map((mode) => ({ ...mode, mode: "primary", native: true, permission: [], options: {} }));
  }

  async #usable(rows: readonly AgentRow[]): Promise<AgentRow[]> {
    const { context } = this.#options;
    const found = new Set<string>(
      Object.keys(await detectCredentials({ home: context.home, env: context.env })),
    );
    const checked = await Promise.all(
      rows.map(async (row) => {
        const mayStart =
          row.credentials.length === 0 ||
          context.models[row.wire] !== undefined ||
          row.credentials.some((provider) => found.has(provider));
        return mayStart && (await locateAgent(row, context)) ? [row] : [];
      }),
    );
    return checked.flat();
  }

  #models(row: AgentRow): AgentConfigOption["options"] {
    const options = this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    const offered = options.find((option) => option.category === "model")?.options ?? [];
    return offered.length > 0 ? offered : [{ value: defaultModel, name: row.name }];
  }

  #firstModel(row: AgentRow): string {
    const options = this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    const current = options.find((option) => option.category === "model")?.currentValue;
    return current ?? this.#models(row)[0]?.value ?? defaultModel;
  }

  #provider(row: AgentRow): Fields {
    const models = this.#models(row).map(({ value, name }) => [value, model(row, value, name)]);
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

/** A model with what version 1 of the SDK asks of it beside what version 2 does. */
function model(row: AgentRow, id: string, name: string): Fields {
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
