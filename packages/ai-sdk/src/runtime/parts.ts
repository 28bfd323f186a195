import { type DynamicToolUIPart, isToolUIPart, type ToolUIPart, type UIMessage } from "ai";
import type { PendingApproval } from "../types.ts";

type ToolPart = ToolUIPart | DynamicToolUIPart;
type Part = UIMessage["parts"][number];

/** The part as a call of a tool; undefined for other parts. */
export function toolPart(part: Part): ToolPart | undefined {
  return isToolUIPart(part) ? part : undefined;
}

/** True for a call that has no outcome yet. */
export function isOpen({ state }: ToolPart): boolean {
  return (
    state === "input-streaming" ||
    state === "input-available" ||
    state === "approval-requested" ||
    state === "approval-responded"
  );
}

/** Calls of a message that wait for a person, or for an output that only a client can give. */
export function isWaiting({ parts }: UIMessage): boolean {
  return parts.some((part) => {
    const call = toolPart(part);
    return (
      call?.state === "approval-requested" ||
      (call?.state === "input-available" && call.providerExecuted !== true)
    );
  });
}

export function approvalsOf({ id: messageId, parts }: UIMessage): PendingApproval[] {
  return parts.flatMap((part) => {
    const call = toolPart(part);
    if (call?.state !== "approval-requested") return [];
    const { toolCallId, input, approval } = call;
    const toolName = call.type === "dynamic-tool" ? call.toolName : call.type.slice("tool-".length);
    return [{ id: approval.id, messageId, toolCallId, toolName, input }];
  });
}

/** The message without calls that nobody answers any more: models refuse a call without an outcome. */
export function withoutOpenCalls(message: UIMessage, errorText: string): UIMessage {
  const parts = message.parts.map((part): Part => {
    const call = toolPart(part);
    if (call === undefined || !isOpen(call)) return part;
    const { approval: _approval, ...rest } = call as ToolPart & { approval?: unknown };
    // The union of the library's parts is by state; this is the state of a failed call.
    return { ...rest, state: "output-error", errorText, input: call.input ?? {} } as Part;
  });
  return { ...message, parts };
}

export function textOf({ parts }: UIMessage): string {
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}
