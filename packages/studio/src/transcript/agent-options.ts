/**
 * The options and slash commands that an agent offers, as ACP describes them: config options, and the older models and
 * modes. Source: ACP, session setup, session modes, session config options, slash commands.
 */
import type { AgentCommand, AgentOption, AgentOptionValue } from "../contract/prompts.ts";
import { field, isRecord, list, text } from "./read.ts";

const maxOptions = 20;
const maxValues = 500;
const maxCommands = 500;

/** The request with which an option of an agent is changed. */
export type OptionRequest =
  | { readonly method: "session/set_mode"; readonly params: { readonly modeId: string } }
  | { readonly method: "session/set_model"; readonly params: { readonly modelId: string } }
  | {
      readonly method: "session/set_config_option";
      readonly params: { readonly configId: string; readonly value: string };
    };

const legacy = {
  mode: { name: "Mode", in: "modes", current: "currentModeId", available: "availableModes", id: "id" },
  model: {
    name: "Model",
    in: "models",
    current: "currentModelId",
    available: "availableModels",
    id: "modelId",
  },
} as const;

/** The options in the answer to `session/new` or `session/load`. */
export function readAgentOptions(result: unknown): readonly AgentOption[] {
  const options = readConfigOptions(field(result, "configOptions"));
  const older = (["model", "mode"] as const)
    .filter((kind) => !options.some(({ category }) => category === kind))
    .flatMap((kind) => readLegacy(result, kind));
  return [...options, ...older].slice(0, maxOptions);
}

export function readConfigOptions(value: unknown): readonly AgentOption[] {
  return list(value)
    .filter(isRecord)
    .flatMap(({ id, name, category, type, currentValue, options }) => {
      if (typeof id !== "string" || (type !== undefined && type !== "select")) return [];
      const values = list(options)
        .filter(isRecord)
        // Values may be grouped for display.
        .flatMap((each) => (Array.isArray(each["options"]) ? each["options"].filter(isRecord) : [each]))
        .flatMap((each) => readValue(each["value"], each));
      return [
        {
          ...{ id: text(id, 200), name: text(name, 100) || text(id, 100) },
          ...{ category: text(category, 50) || "other", current: text(currentValue, 200) },
          values: values.slice(0, maxValues),
        },
      ];
    })
    .slice(0, maxOptions);
}

function readLegacy(result: unknown, kind: keyof typeof legacy): readonly AgentOption[] {
  const names = legacy[kind];
  const state = field(result, names.in);
  const values = list(field(state, names.available))
    .filter(isRecord)
    .flatMap((each) => readValue(each[names.id], each))
    .slice(0, maxValues);
  if (values.length === 0) return [];
  const current = text(field(state, names.current), 200);
  return [{ id: kind, name: names.name, category: kind, current, values }];
}

function readValue(
  id: unknown,
  { name, description }: Readonly<Record<string, unknown>>,
): AgentOptionValue[] {
  if (typeof id !== "string" || id === "" || id.length > 200) return [];
  const about = text(description, 300);
  return [{ id, name: text(name, 100) || id, ...(about === "" ? {} : { description: about }) }];
}

/** Slash commands of an `available_commands_update`. */
export function readAgentCommands(value: unknown): readonly AgentCommand[] {
  return list(value)
    .filter(isRecord)
    .flatMap(({ name, description, input }) => {
      if (typeof name !== "string" || !/^\S{1,100}$/.test(name)) return [];
      const hint = text(field(input, "hint"), 100);
      return [{ name, description: text(description, 300), ...(hint === "" ? {} : { hint }) }];
    })
    .slice(0, maxCommands);
}

/** How an option is changed. `isConfig` says that the agent offers it as a config option. */
export function requestFor(option: AgentOption, isConfig: boolean, value: string): OptionRequest {
  if (isConfig) return { method: "session/set_config_option", params: { configId: option.id, value } };
  return option.category === "mode"
    ? { method: "session/set_mode", params: { modeId: value } }
    : { method: "session/set_model", params: { modelId: value } };
}

/** The options after the host has changed one of them. */
export function withChange(
  options: readonly AgentOption[],
  method: unknown,
  params: unknown,
): readonly AgentOption[] {
  switch (method) {
    case "session/set_mode":
      return withCurrent(options, isOfCategory("mode"), field(params, "modeId"));
    case "session/set_model":
      return withCurrent(options, isOfCategory("model"), field(params, "modelId"));
    case "session/set_config_option":
      return withCurrent(options, ({ id }) => id === field(params, "configId"), field(params, "value"));
    default:
      return options;
  }
}

/** The options after the agent said that its mode is another one. */
export function withMode(options: readonly AgentOption[], modeId: unknown): readonly AgentOption[] {
  return withCurrent(options, isOfCategory("mode"), modeId);
}

const isOfCategory = (category: string) => (option: AgentOption) => option.category === category;

function withCurrent(
  options: readonly AgentOption[],
  is: (option: AgentOption) => boolean,
  value: unknown,
): readonly AgentOption[] {
  if (typeof value !== "string" || !options.some(is)) return options;
  return options.map((option) => (is(option) ? { ...option, current: text(value, 200) } : option));
}
