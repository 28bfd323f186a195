import type { SessionEvent } from "../contract.ts";
import { field, isRecord, list, text } from "./read.ts";
import type { TranscriptFileDiff, TranscriptImage, TranscriptItem, TranscriptToolCall } from "./types.ts";

const maxText = 64 * 1024;
const maxDiffs = 100;
const maxLocations = 100;
const maxImages = 8;
/** In base64: about 6 MiB of a picture. */
const maxImageText = 8 * 1_048_576;
const imageTypes = ["image/png", "image/jpeg", "image/webp", "image/gif"] as const;

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
          images: [],
          locations: [],
        };
  const after = merge(before, update);
  if (existing === undefined) items.push(after);
  else items[index] = after;
}

function merge(before: TranscriptToolCall, update: Readonly<Record<string, unknown>>): TranscriptToolCall {
  const content = Array.isArray(update.content) ? readContent(update.content) : undefined;
  const shown = content?.output ?? "";
  const images = content?.images ?? before.images;
  const raw =
    update.rawOutput === undefined || update.rawOutput === null ? "" : formatValue(update.rawOutput);
  return {
    ...before,
    title: text(update.title, 1_000) || before.title,
    kind: text(update.kind, 50) || before.kind,
    status: statuses.find((status) => status === update.status) ?? before.status,
    input:
      update.rawInput === undefined || update.rawInput === null ? before.input : formatValue(update.rawInput),
    output: shown || (images.length > 0 ? "" : raw) || (content === undefined ? before.output : ""),
    diffs: content === undefined ? before.diffs : content.diffs,
    images,
    locations: Array.isArray(update.locations) ? readLocations(update.locations) : before.locations,
  };
}

interface ToolContent {
  readonly output: string;
  readonly diffs: TranscriptFileDiff[];
  readonly images: TranscriptImage[];
}

function readContent(content: readonly unknown[]): ToolContent {
  const diffs: TranscriptFileDiff[] = [];
  const images: TranscriptImage[] = [];
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
      const image = readImage(block);
      if (image !== undefined && images.length < maxImages) images.push(image);
      outputs.push(text(field(block, "text")) || text(field(field(block, "resource"), "text")));
    }
  }
  return { output: text(outputs.filter((output) => output !== "").join("\n"), maxText), diffs, images };
}

function readImage(block: unknown): TranscriptImage | undefined {
  const mimeType = imageTypes.find((type) => type === field(block, "mimeType"));
  const data = field(block, "data");
  const isImage = field(block, "type") === "image" && typeof data === "string" && data.length <= maxImageText;
  if (!isImage || mimeType === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(data)) return undefined;
  return { mimeType, data };
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
