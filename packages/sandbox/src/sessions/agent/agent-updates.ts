import type { Message } from "../../acp/message.ts";
import type { PendingRequest } from "../../acp/pending.ts";
import { isRecord } from "../../http/problem.ts";
import type { SessionRecord } from "../types.ts";

/** Matches updates that change the session's record. The text match avoids parsing the others. */
const changesSession = /"(?:current_mode_update|config_option_update|session_info_update)"/;

/** Returns the change of the session's record from an update of the agent. */
export function sessionChange(message: Message): Partial<SessionRecord> | undefined {
  if (message.method !== "session/update" || !changesSession.test(message.raw)) return undefined;
  const params = readMember(JSON.parse(message.raw), "params");
  const update = readMember(params, "update");
  switch (update.sessionUpdate) {
    case "current_mode_update":
      return typeof update.currentModeId === "string" ? { mode: update.currentModeId } : undefined;
    case "config_option_update":
      return Array.isArray(update.configOptions) ? { configOptions: update.configOptions } : undefined;
    case "session_info_update":
      return typeof update.title === "string" ? { title: update.title } : undefined;
    default:
      return undefined;
  }
}

/** Returns the change of the record when an agent accepts a `session/set_*` request of a raw client. */
export function sessionChangeFromAnswer(
  request: PendingRequest,
  message: Message,
): Partial<SessionRecord> | undefined {
  if (!request.method.startsWith("session/set_")) return undefined;
  const answer: unknown = JSON.parse(message.raw);
  if (!isRecord(answer) || answer.error !== undefined) return undefined;
  const params = readMember(JSON.parse(request.message.raw), "params");
  const { configOptions } = readMember(answer, "result");
  if (request.method === "session/set_mode" && typeof params.modeId === "string")
    return { mode: params.modeId };
  if (request.method === "session/set_model" && typeof params.modelId === "string")
    return { model: params.modelId };
  return Array.isArray(configOptions) ? { configOptions } : undefined;
}

function readMember(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const member: unknown = isRecord(value) ? value[name] : undefined;
  return isRecord(member) ? member : {};
}
