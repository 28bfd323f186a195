import { isRecord } from "../http/problem.ts";
import type { AgentConfigOption } from "./row.ts";

/**
 * Reads the options of a session from a `session/new` result: `configOptions`, with the older `models` and `modes` as
 * fallback. Empty when there are none. Source: ACP, session setup.
 */
export function parseSessionOptions(result: unknown): readonly AgentConfigOption[] {
  if (!isRecord(result)) return [];
  const options = records(result["configOptions"]).flatMap(toConfigOption);
  const has = (category: string) => options.some((option) => option.category === category);
  if (!has("model")) options.push(...legacyOptions(result["models"], "model"));
  if (!has("mode")) options.push(...legacyOptions(result["modes"], "mode"));
  return options;
}

const categories = ["model", "mode", "thought_level"] as const;

function toConfigOption(entry: Record<string, unknown>): AgentConfigOption[] {
  const { id, name, currentValue } = entry;
  const category = categories.find((each) => each === entry["category"]);
  if (category === undefined || entry["type"] !== "select" || typeof id !== "string") return [];
  // Values may be grouped for display.
  const options = records(entry["options"])
    .flatMap((each) => (Array.isArray(each["options"]) ? records(each["options"]) : [each]))
    .flatMap(({ value, name }) =>
      typeof value === "string" ? [{ value, name: typeof name === "string" ? name : value }] : [],
    );
  return [
    {
      id,
      name: typeof name === "string" ? name : id,
      category,
      type: "select",
      currentValue: typeof currentValue === "string" ? currentValue : (options[0]?.value ?? ""),
      options,
    },
  ];
}

const legacyFields = {
  model: { name: "Model", current: "currentModelId", available: "availableModels", id: "modelId" },
  mode: { name: "Mode", current: "currentModeId", available: "availableModes", id: "id" },
} as const;

function legacyOptions(state: unknown, category: keyof typeof legacyFields): AgentConfigOption[] {
  if (!isRecord(state)) return [];
  const fields = legacyFields[category];
  const options = records(state[fields.available]).flatMap((each) => {
    const value = each[fields.id];
    if (typeof value !== "string") return [];
    return [{ value, name: typeof each["name"] === "string" ? each["name"] : value }];
  });
  const current = state[fields.current];
  if (options.length === 0) return [];
  const currentValue = typeof current === "string" ? current : (options[0]?.value ?? "");
  return [{ id: category, name: fields.name, category, type: "select", currentValue, options }];
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Options that running agents have reported, by agent. Kept in memory. */
export class ObservedOptions {
  readonly #byAgent = new Map<string, readonly AgentConfigOption[]>();

  /** Records the options in the result of a `session/new`, `session/load` or `session/resume`. */
  observe(agentId: string, result: unknown): void {
    const options = parseSessionOptions(result);
    if (options.length > 0) this.#byAgent.set(agentId, options);
  }

  get(agentId: string): readonly AgentConfigOption[] | undefined {
    return this.#byAgent.get(agentId);
  }
}
