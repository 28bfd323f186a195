import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../../internal/http.ts";
import type { RpcMessage } from "../../types.ts";
import type {
  AnyMessage,
  NewSessionResponse,
  PermissionOption,
  PermissionOptionKind,
  PromptResponse,
  RequestPermissionRequest,
  SessionConfigOption,
  SessionConfigSelectOption,
  SessionMode,
  SessionModeState,
  SetSessionConfigOptionResponse,
  StopReason,
} from "./acp-types.ts";

/** Agents may violate their protocol: fields that are read here are checked, others pass through unchanged. */
export function isMessage(message: RpcMessage): message is RpcMessage & AnyMessage {
  return message.method !== undefined || message.id !== undefined;
}

export function readNewSession(value: unknown): NewSessionResponse {
  if (!isRecord(value) || typeof value.sessionId !== "string") throw malformed("a session id");
  return { ...readSettings(value), sessionId: value.sessionId };
}

/** Modes and options of a session, and whatever else the agent told with them. */
export function readSettings(value: unknown): Omit<NewSessionResponse, "sessionId"> {
  if (!isRecord(value)) return {};
  const { configOptions, modes, sessionId: _sessionId, ...rest } = value;
  const options = readConfigOptions(configOptions);
  const state = readModes(modes);
  return {
    ...rest,
    ...(options === undefined ? {} : { configOptions: options }),
    ...(state === undefined ? {} : { modes: state }),
  };
}

export function readPrompt(value: unknown): PromptResponse {
  if (!isRecord(value) || typeof value.stopReason !== "string") throw malformed("a stop reason");
  // Agents can have their own stop reasons, which are passed on unchanged.
  return { ...value, stopReason: value.stopReason as StopReason };
}

export function readConfigResponse(value: unknown): SetSessionConfigOptionResponse | undefined {
  const configOptions = isRecord(value) ? readConfigOptions(value.configOptions) : undefined;
  return isRecord(value) && configOptions !== undefined ? { ...value, configOptions } : undefined;
}

export function readConfigOptions(value: unknown): SessionConfigOption[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((option: unknown): SessionConfigOption[] => {
    if (!isRecord(option) || typeof option.id !== "string") return [];
    const base = { id: option.id, name: typeof option.name === "string" ? option.name : option.id };
    const { currentValue } = option;
    if (option.type === "boolean" || typeof currentValue === "boolean") {
      return [{ ...option, ...base, type: "boolean", currentValue: currentValue === true }];
    }
    const options = Array.isArray(option.options) ? option.options : [];
    return [
      { ...option, ...base, type: "select", currentValue: String(currentValue ?? ""), options: [...options] },
    ];
  });
}

/** The choices of an option, groups unfolded. */
export function choicesOf(option: SessionConfigOption): SessionConfigSelectOption[] {
  if (option.type === "boolean") return [];
  return option.options.flatMap((choice) => ("options" in choice ? choice.options : [choice]));
}

function readModes(value: unknown): SessionModeState | undefined {
  if (!isRecord(value) || typeof value.currentModeId !== "string") return undefined;
  const modes = Array.isArray(value.availableModes) ? value.availableModes : [];
  const availableModes = modes.flatMap((mode: unknown): SessionMode[] =>
    isRecord(mode) && typeof mode.id === "string"
      ? [{ ...mode, id: mode.id, name: typeof mode.name === "string" ? mode.name : mode.id }]
      : [],
  );
  return { ...value, currentModeId: value.currentModeId, availableModes };
}

const kinds: readonly PermissionOptionKind[] = ["allow_once", "allow_always", "reject_once", "reject_always"];

/** Undefined when it is no question that could be answered. */
export function readPermissionRequest(value: unknown): RequestPermissionRequest | undefined {
  if (!isRecord(value) || typeof value.sessionId !== "string" || !Array.isArray(value.options))
    return undefined;
  const options = value.options.flatMap((option: unknown): PermissionOption[] => {
    if (!isRecord(option) || typeof option.optionId !== "string") return [];
    const kind = kinds.find((known) => known === option.kind);
    if (kind === undefined) return [];
    return [
      {
        ...option,
        optionId: option.optionId,
        name: typeof option.name === "string" ? option.name : option.optionId,
        kind,
      },
    ];
  });
  const toolCall = isRecord(value.toolCall) ? value.toolCall : {};
  const toolCallId = typeof toolCall.toolCallId === "string" ? toolCall.toolCallId : "";
  return { ...value, sessionId: value.sessionId, options, toolCall: { ...toolCall, toolCallId } };
}

function malformed(what: string): HoldfastError {
  return new HoldfastError("acp", "malformed_event", `The agent did not answer with ${what}`, {
    statusCode: 502,
  });
}
