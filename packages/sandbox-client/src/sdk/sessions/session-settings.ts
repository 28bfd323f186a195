import { isRecord } from "../../internal/http.ts";
import type { AnyMessage, SessionConfigOption } from "../acp/acp-types.ts";
import { choicesOf, readConfigOptions } from "../acp/acp-values.ts";
import {
  UnsupportedSessionCategoryError,
  UnsupportedSessionConfigOptionError,
  UnsupportedSessionValueError,
} from "../errors.ts";
import type { SessionRecord } from "./sessions.ts";

/** Finds the option of a category. Throws if it does not exist or does not accept the value. */
export function optionOfCategory(
  sessionId: string,
  options: readonly SessionConfigOption[],
  category: string,
  value: string,
): SessionConfigOption {
  const option = options.find((candidate) => candidate.category === category);
  if (option === undefined) {
    const offer = options.flatMap((candidate) => candidate.category ?? []);
    throw new UnsupportedSessionCategoryError(sessionId, category, [...new Set(offer)]);
  }
  checkValue(sessionId, option, value);
  return option;
}

export function optionOfId(
  sessionId: string,
  options: readonly SessionConfigOption[],
  configId: string,
  value: string,
): SessionConfigOption {
  const option = options.find((candidate) => candidate.id === configId);
  if (option === undefined) {
    const ids = options.map((candidate) => candidate.id);
    throw new UnsupportedSessionConfigOptionError(sessionId, configId, ids);
  }
  checkValue(sessionId, option, value);
  return option;
}

function checkValue(sessionId: string, option: SessionConfigOption, value: string): void {
  const allowed = choicesOf(option).map((choice) => choice.value);
  // Without a list there is nothing to hold the value against: the agent decides.
  if (allowed.length === 0 || allowed.includes(value)) return;
  const category = option.category ?? option.id;
  throw new UnsupportedSessionValueError(sessionId, category, option.id, value, allowed);
}

export function withValue(
  options: readonly SessionConfigOption[],
  configId: string,
  value: string,
): SessionConfigOption[] {
  return options.map((option) => {
    if (option.id !== configId) return option;
    return option.type === "boolean"
      ? { ...option, currentValue: value === "true" }
      : { ...option, currentValue: value };
  });
}

/** Returns the record with the mode changed in both fields that contain it. */
export function withMode(record: SessionRecord, modeId: string): SessionRecord {
  const option = record.configOptions?.find(({ category }) => category === "mode");
  return {
    ...record,
    ...(record.modes ? { modes: { ...record.modes, currentModeId: modeId } } : {}),
    ...(record.configOptions && option
      ? { configOptions: withValue(record.configOptions, option.id, modeId) }
      : {}),
  };
}

/** Returns the record after an event of the agent; the same object if nothing changes. */
export function afterEvent(record: SessionRecord, payload: AnyMessage): SessionRecord {
  if (!("method" in payload) || payload.method !== "session/update" || !isRecord(payload.params))
    return record;
  const { update } = payload.params;
  if (!isRecord(update)) return record;
  if (update.sessionUpdate === "current_mode_update" && typeof update.currentModeId === "string")
    return withMode(record, update.currentModeId);
  if (update.sessionUpdate !== "config_option_update") return record;
  const configOptions = readConfigOptions(update.configOptions);
  return configOptions === undefined ? record : { ...record, configOptions };
}
