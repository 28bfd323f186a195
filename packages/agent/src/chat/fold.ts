import type { UiChunk, UiMessage, UiMetadata, UiPart, UiToolPart } from "./messages.ts";

type Streamed = Extract<UiPart, { type: "text" | "reasoning" }>;

/** Folds chunks into the message that a reader of the stream has; the AI SDK comes to the same. */
export function foldChunks(id: string, metadata: UiMetadata, chunks: readonly UiChunk[]): UiMessage {
  const message: UiMessage = { id, role: "assistant", metadata, parts: [] };
  const open = new Map<string, Streamed>();
  for (const chunk of chunks) fold(message.parts, open, chunk);
  return message;
}

function fold(parts: UiPart[], open: Map<string, Streamed>, chunk: UiChunk): void {
  switch (chunk.type) {
    case "text-start":
    case "reasoning-start": {
      const part: Streamed =
        chunk.type === "text-start"
          ? { type: "text", text: "", state: "streaming" }
          : { type: "reasoning", id: chunk.id, text: "", state: "streaming" };
      open.set(`${part.type}:${chunk.id}`, part);
      parts.push(part);
      return;
    }
    case "text-delta":
    case "reasoning-delta": {
      const part = open.get(`${chunk.type === "text-delta" ? "text" : "reasoning"}:${chunk.id}`);
      if (part) part.text += chunk.delta;
      return;
    }
    case "text-end":
    case "reasoning-end": {
      const key = `${chunk.type === "text-end" ? "text" : "reasoning"}:${chunk.id}`;
      const part = open.get(key);
      if (part) part.state = "done";
      open.delete(key);
      return;
    }
    case "file":
    case "source-url":
      parts.push({ ...chunk });
      return;
    case "data-plan": {
      const at = parts.findIndex((part) => part.type === "data-plan" && part.id === chunk.id);
      if (at === -1) parts.push({ ...chunk });
      else parts[at] = { ...chunk };
      return;
    }
    case "tool-input-available":
    case "tool-approval-request":
    case "tool-approval-response":
    case "tool-output-available":
    case "tool-output-error":
    case "tool-output-denied":
      foldTool(parts, chunk);
      return;
    case "start":
    case "error":
    case "abort":
    case "finish":
      return;
  }
}

type ToolChunk = Extract<UiChunk, { type: `tool-${string}` }>;

function foldTool(parts: UiPart[], chunk: ToolChunk): void {
  const at = parts.findIndex((part) => part.type === "dynamic-tool" && isAbout(part, chunk));
  const before = parts[at];
  if (chunk.type === "tool-input-available") {
    const { toolCallId, toolName, input, title, providerExecuted } = chunk;
    const head = { type: "dynamic-tool" as const, toolName, toolCallId, ...(title ? { title } : {}) };
    const part: UiToolPart = { ...head, providerExecuted, input, state: "input-available" };
    if (at === -1) parts.push(part);
    else parts[at] = part;
    return;
  }
  if (before?.type !== "dynamic-tool") return;
  parts[at] = afterChunk(before, chunk);
}

function afterChunk(
  part: UiToolPart,
  chunk: Exclude<ToolChunk, { type: "tool-input-available" }>,
): UiToolPart {
  const { type, toolName, toolCallId, input } = part;
  const call = {
    ...{ type, toolName, toolCallId, input },
    ...(part.title === undefined ? {} : { title: part.title }),
    ...(part.providerExecuted === undefined ? {} : { providerExecuted: part.providerExecuted }),
  };
  const id = "approval" in part ? part.approval?.id : undefined;
  const granted = id === undefined ? {} : { approval: { id, approved: true as const } };
  switch (chunk.type) {
    case "tool-approval-request":
      return { ...call, state: "approval-requested", approval: { id: chunk.approvalId } };
    case "tool-approval-response": {
      const approval = { id: chunk.approvalId, approved: chunk.approved };
      return { ...call, state: "approval-responded", approval };
    }
    case "tool-output-available": {
      const preliminary = chunk.preliminary ? { preliminary: true } : {};
      return { ...call, state: "output-available", output: chunk.output, ...preliminary, ...granted };
    }
    case "tool-output-error":
      return { ...call, state: "output-error", errorText: chunk.errorText, ...granted };
    case "tool-output-denied":
      return { ...call, state: "output-denied", approval: { id: id ?? "", approved: false } };
  }
}

function isAbout(part: UiToolPart, chunk: ToolChunk): boolean {
  if (chunk.type !== "tool-approval-response") return part.toolCallId === chunk.toolCallId;
  return "approval" in part && part.approval?.id === chunk.approvalId;
}
