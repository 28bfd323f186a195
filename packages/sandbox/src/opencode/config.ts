import { invalid } from "../http/problem.ts";
import type { PermissionRule } from "../sessions/types.ts";
import { readRules } from "./routes/input.ts";
import { type Fields, opencodeVersion, type WireModel } from "./wire.ts";

const maxLength = 65_536;

/** Configuration that OpenCode's clients read and change. Lives in memory only. */
export class OpenCodeConfig {
  #fields: Fields = {};
  #rules: readonly PermissionRule[] | undefined;

  /** Permission rules of new sessions. */
  get rules(): readonly PermissionRule[] | undefined {
    return this.#rules;
  }

  /** Default model of new sessions, configured as `provider/model`. */
  get model(): WireModel | undefined {
    const { model } = this.#fields;
    const [, providerID, modelID] = typeof model === "string" ? (/^([^/]+)\/(.+)$/.exec(model) ?? []) : [];
    return providerID !== undefined && modelID !== undefined ? { providerID, modelID } : undefined;
  }

  get view(): Fields {
    return {
      $schema: "https://opencode.ai/config.json",
      share: "disabled",
      autoupdate: false,
      mode: {},
      agent: {},
      command: {},
      plugin: [],
      provider: {},
      username: "user",
      version: opencodeVersion,
      ...this.#fields,
    };
  }

  change(fields: Fields): void {
    const changed = { ...this.#fields, ...fields };
    if (JSON.stringify(changed).length > maxLength) {
      throw invalid(`the configuration exceeds ${maxLength} characters`, 413);
    }
    const rules = readRules(changed.permission);
    this.#fields = changed;
    this.#rules = rules;
  }
}
