import type { PermissionOption } from "../../sessions/turns/policy.ts";
import { permissionName, permissionPatterns } from "../../sessions/turns/rules.ts";
import type { PermissionView } from "../../sessions/types.ts";
import { permissionPrefix, questionPrefix, wireSessionId } from "../ids.ts";
import type { Fields, WireEvent } from "../wire.ts";

/**
 * Whether OpenCode's clients see a permission request as a question. ACP has only permission requests. One with
 * several options of the same allow kind offers more than once, always and no, so it is a question.
 */
export function isQuestion(options: readonly PermissionOption[]): boolean {
  const allowKinds = options.map((option) => option.kind).filter((kind) => kind.startsWith("allow_"));
  return new Set(allowKinds).size < allowKinds.length;
}

/** Reference to the tool call that a permission request is for. */
export interface ToolReference {
  readonly messageID: string;
  readonly callID: string;
  readonly diff?: string;
}

/** A permission request with the fields of both versions of the SDK. */
export function wirePermission(view: PermissionView, tool: ToolReference | undefined): Fields {
  const { toolCall, createdAt } = view;
  const permission = permissionName(toolCall);
  const patterns = permissionPatterns(toolCall);
  const title = typeof toolCall.title === "string" ? toolCall.title : permission;
  const metadata = {
    title,
    ...(tool?.diff === undefined || tool.diff === "" ? {} : { diff: tool.diff, filepath: patterns[0] }),
    ...(permission === "bash" ? { command: patterns[0] } : {}),
  };
  return {
    id: permissionPrefix + view.id,
    sessionID: wireSessionId(view.sessionId),
    permission,
    patterns,
    always: patterns,
    metadata,
    ...(tool ? { tool: { messageID: tool.messageID, callID: tool.callID } } : {}),
    type: permission,
    pattern: patterns,
    title,
    messageID: tool?.messageID ?? "",
    ...(tool ? { callID: tool.callID } : {}),
    time: { created: createdAt },
  };
}

/** A permission request with several options, in OpenCode's format of a question. */
export function wireQuestion(view: PermissionView, tool: ToolReference | undefined): Fields {
  const { toolCall, options } = view;
  const question = typeof toolCall.title === "string" ? toolCall.title : "Which one?";
  return {
    id: questionPrefix + view.id,
    sessionID: wireSessionId(view.sessionId),
    questions: [
      {
        question,
        header: question.slice(0, 30),
        options: options.map(({ name, kind }) => ({ label: name, description: kind.replaceAll("_", " ") })),
        multiple: false,
        custom: false,
      },
    ],
    ...(tool ? { tool: { messageID: tool.messageID, callID: tool.callID } } : {}),
  };
}

/** Returns the events of a permission request or question that was created or settled. */
export function permissionEvents(view: PermissionView, tool: ToolReference | undefined): WireEvent[] {
  const sessionID = wireSessionId(view.sessionId);
  const isQuestionView = isQuestion(view.options);
  if (view.state === "pending") {
    if (isQuestionView) return [{ type: "question.asked", properties: wireQuestion(view, tool) }];
    const properties = wirePermission(view, tool);
    return ["permission.asked", "permission.updated"].map((type) => ({ type, properties }));
  }
  if (isQuestionView) {
    const requestID = questionPrefix + view.id;
    const chosen = view.options.find((option) => option.optionId === view.optionId);
    return chosen
      ? [{ type: "question.replied", properties: { sessionID, requestID, answers: [[chosen.name]] } }]
      : [{ type: "question.rejected", properties: { sessionID, requestID } }];
  }
  const requestID = permissionPrefix + view.id;
  const reply = toReply(view);
  const properties = { sessionID, requestID, reply, permissionID: requestID, response: reply };
  return [{ type: "permission.replied", properties }];
}

function toReply(view: PermissionView): "once" | "always" | "reject" {
  const kind = view.options.find((option) => option.optionId === view.optionId)?.kind;
  if (kind === "allow_always") return "always";
  return kind === "allow_once" ? "once" : "reject";
}
