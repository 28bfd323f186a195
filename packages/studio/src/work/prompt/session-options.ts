import { HoldfastError } from "@holdfast/core";
import type { AgentOption } from "../../contract/prompts.ts";
import {
  type OptionRequest,
  readAgentOptions,
  readConfigOptions,
  requestFor,
  withChange,
  withMode,
} from "../../transcript/agent-options.ts";
import { field } from "../../transcript/read.ts";

type SendRequest = (method: string, params: OptionRequest["params"]) => Promise<unknown>;

/** The options of one agent's session: what it offers, and what is chosen. */
export class SessionOptions {
  #options: readonly AgentOption[] = [];
  /** Ids of those that the agent offers as config options; the others are older modes and models. */
  #configIds: ReadonlySet<string> = new Set();

  /** Takes the answer to `session/new` or `session/load`. */
  offer(result: unknown): void {
    this.#options = readAgentOptions(result);
    this.#configIds = new Set(readConfigOptions(field(result, "configOptions")).map(({ id }) => id));
  }

  /** Takes an update of the session. */
  update(update: unknown): void {
    const kind = field(update, "sessionUpdate");
    if (kind === "current_mode_update")
      this.#options = withMode(this.#options, field(update, "currentModeId"));
    if (kind === "config_option_update") this.#takeConfig(field(update, "configOptions"));
  }

  /** Applies what was chosen, unless it is so already. Returns why options were not applied, by their ids. */
  async choose(
    chosen: Readonly<Record<string, string>>,
    send: SendRequest,
  ): Promise<ReadonlyMap<string, string>> {
    const refused = new Map<string, string>();
    for (const [id, value] of Object.entries(chosen)) {
      const option = this.#find(id);
      if (option === undefined) refused.set(id, `The agent does not offer a choice of ${id} here.`);
      else if (option.current !== value) {
        const reason = await this.#apply(option, value, send);
        if (reason !== undefined) refused.set(id, reason);
      }
    }
    return refused;
  }

  /** An agent may offer what was chosen under another id than it was known to, but of the same category. */
  #find(id: string): AgentOption | undefined {
    return this.#options.find((each) => each.id === id) ?? this.#options.find((each) => each.category === id);
  }

  async #apply(option: AgentOption, value: string, send: SendRequest): Promise<string | undefined> {
    const name = option.values.find(({ id }) => id === value)?.name;
    if (name === undefined)
      return `The agent does not offer “${value}” as its ${option.name.toLowerCase()}. It goes on with “${option.current}”.`;
    const { method, params } = requestFor(option, this.#configIds.has(option.id), value);
    try {
      const answer = await send(method, params);
      this.#options = withChange(this.#options, method, params);
      this.#takeConfig(field(answer, "configOptions"));
      return undefined;
    } catch (error) {
      // The agent refuses; every other failure ends the turn.
      if (!(error instanceof HoldfastError) || error.code !== "rpc_error") throw error;
      return `The agent refused “${name}” as its ${option.name.toLowerCase()}: ${error.message}`;
    }
  }

  #takeConfig(value: unknown): void {
    const options = readConfigOptions(value);
    if (options.length === 0) return;
    this.#configIds = new Set(options.map(({ id }) => id));
    const isReplaced = (known: AgentOption) =>
      options.some(({ id, category }) => id === known.id || category === known.category);
    this.#options = [...options, ...this.#options.filter((known) => !isReplaced(known))];
  }
}
