import type { UiChunk, UiMessage, UiPart } from "./messages.ts";

/** Chunks that fold into this message, for a reader of a turn that has ended. */
export function chunksOf({ id, metadata, parts }: UiMessage): UiChunk[] {
  const start: UiChunk = { type: "start", messageId: id, messageMetadata: metadata };
  return [start, ...parts.flatMap((part, at) => partChunks(part, String(at)))];
}

function partChunks(part: UiPart, id: string): UiChunk[] {
  switch (part.type) {
    case "text":
      return [
        { type: "text-start", id },
        { type: "text-delta", id, delta: part.text },
        { type: "text-end", id },
      ];
    case "reasoning":
      return [
        { type: "reasoning-start", id: part.id ?? id },
        { type: "reasoning-delta", id: part.id ?? id, delta: part.text },
        { type: "reasoning-end", id: part.id ?? id },
      ];
    case "file":
      return [{ type: "file", url: part.url, mediaType: part.mediaType }];
    case "source-url":
      return [{ ...part }];
    case "data-plan":
      return [{ type: "data-plan", id: part.id ?? id, data: part.data }];
    case "dynamic-tool":
      return toolChunks(part);
  }
}

function toolChunks(part: Extract<UiPart, { type: "dynamic-tool" }>): UiChunk[] {
  const { toolCallId, toolName, input, title } = part;
  const call: UiChunk = {
    ...{ type: "tool-input-available", toolCallId, toolName, input },
    ...(title === undefined ? {} : { title }),
    ...{ dynamic: true, providerExecuted: true },
  };
  const approval: { id: string; approved?: boolean } | undefined =
    "approval" in part ? part.approval : undefined;
  if (approval === undefined) return [call, ...outcome(part)];
  const { id, approved } = approval;
  const asked: UiChunk = { type: "tool-approval-request", approvalId: id, toolCallId };
  if (approved === undefined) return [call, asked];
  return [call, asked, { type: "tool-approval-response", approvalId: id, approved }, ...outcome(part)];
}

function outcome(part: Extract<UiPart, { type: "dynamic-tool" }>): UiChunk[] {
  const { toolCallId } = part;
  switch (part.state) {
    case "input-available":
    case "approval-requested":
    case "approval-responded":
      return [];
    case "output-available":
      return [{ type: "tool-output-available", toolCallId, output: part.output }];
    case "output-error":
      return [{ type: "tool-output-error", toolCallId, errorText: part.errorText }];
    case "output-denied":
      return [{ type: "tool-output-denied", toolCallId }];
  }
}
