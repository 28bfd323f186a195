import type { SessionEvent } from "../contract.ts";
import { field, isRecord, list, text } from "./read.ts";
import type { TranscriptFileDiff, TranscriptItem, TranscriptToolCall } from "./types.ts";

const maxText = 64 * 1024;
const maxDiffs = 100;
const maxLocations = 100;

const statuses = ["pending", "in_progress", "completed", "failed"] as const;

/**
 * Adds a tool call, or updates the one with the same id of the same agent process. As in ACP, absent or null fields
 * keep their value, and content and locations are replaced completely.
 */
export function mergeToolCall(
  items: TranscriptItem[],
  incarnation: number,
  event: SessionEvent,
  update: Readonly<Record<string, unknown>>,
): void {
  const toolCallId = text(update.toolCallId, 200);
  if (toolCallId === "") return;
  const id = `t${incarnation}:${toolCallId}`;
  const index = items.findLastIndex((item) => item.id === id);
  const existing = items[index];
  const before: TranscriptToolCall =
    existing?.type === "tool"
      ? existing
      : {
          type: "tool",
          id,
          at: event.at,
          toolCallId,
          title: "",
          kind: "other",
          status: "pending",
          input: "",
          output: "",
          diffs: [],
          locations: [],
        };
  const after = merge(before, update);
  if (existing === undefined) items.push(after);
  else items[index] = after;
}

function merge(before: TranscriptToolCall, update: Readonly<Record<string, unknown>>): TranscriptToolCall {
  const content = Array.isArray(update.content) ? readContent(update.content) : undefined;
  const shown = content?.output ?? "";
  const raw =
    update.rawOutput === undefined || update.rawOutput === null ? "" : formatValue(update.rawOutput);
  return {
    ...before,
    title: text(update.title, 1_000) || before.title,
    kind: text(update.kind, 50) || before.kind,
    status: statuses.find((status) => status === update.status) ?? before.status,
    input:
      update.rawInput === undefined || update.rawInput === null ? before.input : formatValue(update.rawInput),
    output: shown || raw || (content === undefined ? before.output : ""),
    diffs: content === undefined ? before.diffs : content.diffs,
    locations: Array.isArray(update.locations) ? readLocations(update.locations) : before.locations,
  };
}

function readContent(content: readonly unknown[]): { output: string; diffs: TranscriptFileDiff[] } {
  const diffs: TranscriptFileDiff[] = [];
  const outputs: string[] = [];
  for (const part of content) {
    if (!isRecord(part)) continue;
    if (part.type === "diff" && typeof part.path === "string" && diffs.length < maxDiffs) {
      diffs.push({
        path: text(part.path, 4_096),
        ...(typeof part.oldText === "string" ? { oldText: text(part.oldText, maxText) } : {}),
        newText: text(part.newText, maxText),
      });
    } else if (part.type === "content") {
      const block = part.content;
      outputs.push(text(field(block, "text")) || text(field(field(block, "resource"), "text")));
    }
  }
  return { output: text(outputs.filter((output) => output !== "").join("\n"), maxText), diffs };
}

function readLocations(locations: readonly unknown[]): TranscriptToolCall["locations"] {
  return list(locations)
    .slice(0, maxLocations)
    .filter(isRecord)
    .map((location) => ({
      path: text(location.path, 4_096),
      ...(typeof location.line === "number" ? { line: location.line } : {}),
    }))
    .filter((location) => location.path !== "");
}

function formatValue(value: unknown): string {
  if (typeof value === "string") return text(value, maxText);
  try {
    return text(JSON.stringify(value, null, 2), maxText);
  } catch {
    return "";
  }
}
