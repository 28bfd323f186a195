import { HoldfastError } from "@holdfast/core";
import type { UIMessage, UIMessageChunk } from "ai";
import { toolPart } from "./parts.ts";

/** What a client answers: whether a call may run, or what a call of its own has put out. */
export type Reply =
  | { readonly approvalId: string; readonly approved: boolean; readonly reason?: string }
  | { readonly toolCallId: string; readonly output: unknown }
  | { readonly toolCallId: string; readonly errorText: string };

/** The chunks that add a reply to a message. Throws `chat.unknown_approval`. */
export function replyChunks(message: UIMessage, reply: Reply): UIMessageChunk[] {
  for (const part of message.parts) {
    const call = toolPart(part);
    if (call === undefined) continue;
    if ("approvalId" in reply) {
      if (call.state !== "approval-requested" || call.approval.id !== reply.approvalId) continue;
      const { approvalId, approved, reason } = reply;
      return [
        { type: "tool-approval-response", approvalId, approved, ...(reason === undefined ? {} : { reason }) },
      ];
    }
    if (call.state !== "input-available" || call.toolCallId !== reply.toolCallId) continue;
    const { toolCallId } = reply;
    return [
      "errorText" in reply
        ? { type: "tool-output-error", toolCallId, errorText: reply.errorText }
        : { type: "tool-output-available", toolCallId, output: reply.output },
    ];
  }
  const id = "approvalId" in reply ? reply.approvalId : reply.toolCallId;
  throw new HoldfastError("chat", "unknown_approval", `Nothing waits for an answer to "${id}"`, {
    statusCode: 404,
  });
}

/** Replies that a client's copy of a message has, where the chat's own still waits. */
export function repliesIn(message: UIMessage, theirs: UIMessage): Reply[] {
  return message.parts.flatMap((part): Reply[] => {
    const call = toolPart(part);
    if (call === undefined) return [];
    const given = theirs.parts.map(toolPart).find((each) => each?.toolCallId === call.toolCallId);
    if (given === undefined) return [];
    if (call.state === "approval-requested") {
      const { approval } = given;
      if (approval?.id !== call.approval.id || typeof approval.approved !== "boolean") return [];
      const { approved, reason } = approval;
      return [{ approvalId: approval.id, approved, ...(reason === undefined ? {} : { reason }) }];
    }
    if (call.state !== "input-available" || call.providerExecuted === true) return [];
    const { toolCallId } = call;
    if (given.state === "output-available") return [{ toolCallId, output: given.output }];
    return given.state === "output-error" ? [{ toolCallId, errorText: given.errorText }] : [];
  });
}
