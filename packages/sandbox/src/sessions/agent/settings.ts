import { isHoldfastError } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import { isRecord, problem } from "../../http/problem.ts";
import type { SessionRecord } from "../types.ts";
import { callAgent } from "./agent-calls.ts";

/** Requested settings. Absent ones stay unchanged. */
export interface Settings {
  readonly mode?: string;
  readonly model?: string;
  readonly thoughtLevel?: string;
  /** Values of the agent's other config options, by id. */
  readonly config?: Readonly<Record<string, string>>;
}

interface ConfigOption {
  readonly id: string;
  readonly category: string | undefined;
  readonly values: readonly string[];
}

type Change = Partial<SessionRecord>;

/**
 * Applies settings in order; `keep` is called for each one that the agent has accepted. Throws
 * `sandbox.option_not_supported` for one that the agent does not offer.
 */
export async function applySettings(
  instance: AcpInstance,
  record: () => SessionRecord,
  settings: Settings,
  keep: (change: Change) => void,
): Promise<void> {
  const { mode, model, thoughtLevel, config } = settings;
  if (mode !== undefined) await setMode(instance, record(), mode, keep);
  if (model !== undefined) await setModel(instance, record(), model, keep);
  if (thoughtLevel !== undefined) {
    const option = readOptions(record()).find((item) => item.category === "thought_level");
    if (!option) throw unsupported("thoughtLevel", thoughtLevel);
    await setOption(instance, record(), option, "thoughtLevel", thoughtLevel, keep);
    keep({ thoughtLevel });
  }
  for (const [id, value] of Object.entries(config ?? {})) {
    const option = readOptions(record()).find((item) => item.id === id);
    if (!option) throw unsupported(id, value);
    await setOption(instance, record(), option, id, value, keep);
    keep({ config: { ...record().config, [id]: value } });
  }
}

async function setMode(
  instance: AcpInstance,
  record: SessionRecord,
  mode: string,
  keep: (change: Change) => void,
): Promise<void> {
  const offered = readIds(record.modes, "availableModes", "id");
  const option = readOptions(record).find((item) => item.category === "mode");
  if (offered.length > 0) {
    if (!offered.includes(mode)) throw unsupported("mode", mode, offered);
    await requestChange(
      instance,
      "session/set_mode",
      { sessionId: record.agentSessionId, modeId: mode },
      "mode",
      mode,
    );
    keep({ mode, ...(isRecord(record.modes) ? { modes: { ...record.modes, currentModeId: mode } } : {}) });
    return;
  }
  if (!option) throw unsupported("mode", mode);
  await setOption(instance, record, option, "mode", mode, keep);
  keep({ mode });
}

async function setModel(
  instance: AcpInstance,
  record: SessionRecord,
  model: string,
  keep: (change: Change) => void,
): Promise<void> {
  const option = readOptions(record).find((item) => item.category === "model");
  if (option) {
    await setOption(instance, record, option, "model", model, keep);
    keep({ model });
    return;
  }
  const offered = readIds(record.models, "availableModels", "modelId");
  if (!offered.includes(model)) throw unsupported("model", model, offered);
  await requestChange(
    instance,
    "session/set_model",
    { sessionId: record.agentSessionId, modelId: model },
    "model",
    model,
  );
  keep({ model });
}

async function setOption(
  instance: AcpInstance,
  record: SessionRecord,
  option: ConfigOption,
  name: string,
  value: string,
  keep: (change: Change) => void,
): Promise<void> {
  if (option.values.length > 0 && !option.values.includes(value))
    throw unsupported(name, value, option.values);
  const params = { sessionId: record.agentSessionId, configId: option.id, value };
  const result = await requestChange(instance, "session/set_config_option", params, name, value);
  if (Array.isArray(result.configOptions)) keep({ configOptions: result.configOptions });
}

async function requestChange(
  instance: AcpInstance,
  method: string,
  params: Readonly<Record<string, unknown>>,
  name: string,
  value: string,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await callAgent(instance, method, params);
  } catch (error) {
    if (isHoldfastError(error) && error.code === "agent_refused")
      throw unsupported(name, value, [], error.message);
    throw error;
  }
}

function unsupported(name: string, value: string, offered: readonly string[] = [], why?: string) {
  const text = why ?? `the agent does not offer ${name} "${value}"`;
  return problem("option_not_supported", 400, text, { details: { option: name, value, offered } });
}

/** Returns the current settings of a session, to restore them in another agent process. */
export function currentSettings(record: SessionRecord): Settings {
  const { mode, model, thoughtLevel, config } = record;
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(model === undefined ? {} : { model }),
    ...(thoughtLevel === undefined ? {} : { thoughtLevel }),
    ...(config === undefined ? {} : { config }),
  };
}

/** Splits settings, so that a rejected one does not prevent the others. */
export function splitSettings({ config, ...single }: Settings): Settings[] {
  return [
    ...Object.entries(single).map(([name, value]) => ({ [name]: value })),
    ...(config ? [{ config }] : []),
  ];
}

/** Returns modes, models and options from the answer to `session/new`, `load`, `resume` or `fork`. */
export function offeredChoices(result: Readonly<Record<string, unknown>>): Change {
  const { modes, models, configOptions } = result;
  return {
    ...(isRecord(modes) ? { modes } : {}),
    ...(isRecord(models) ? { models } : {}),
    ...(Array.isArray(configOptions) ? { configOptions } : {}),
  };
}

function readIds(value: unknown, list: string, id: string): string[] {
  const items: unknown = isRecord(value) ? value[list] : undefined;
  if (!Array.isArray(items)) return [];
  return items.flatMap((item: unknown) => (isRecord(item) && typeof item[id] === "string" ? [item[id]] : []));
}

function readOptions(record: SessionRecord): ConfigOption[] {
  const options: readonly unknown[] = Array.isArray(record.configOptions) ? record.configOptions : [];
  return options.flatMap((item) => {
    if (!isRecord(item) || typeof item.id !== "string") return [];
    const category = typeof item.category === "string" ? item.category : undefined;
    return [{ id: item.id, category, values: optionValues(item.options) }];
  });
}

/** Options may be nested in groups. */
function optionValues(options: unknown): string[] {
  if (!Array.isArray(options)) return [];
  return options.flatMap((item: unknown) => {
    if (!isRecord(item)) return [];
    if (typeof item.value === "string") return [item.value];
    return optionValues(item.options);
  });
}
