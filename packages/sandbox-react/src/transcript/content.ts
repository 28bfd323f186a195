import { asList, asRecord, asText, formatValue, isRecord } from "../internal/values.ts";
import type { FileChange } from "../types.ts";

/**
 * Marks ACP content blocks in which a client replays the history before a prompt; they may also begin with this text.
 */
const historyMark = "holdfast.dev/transcript";
const historyOpening = "Previous session history is replayed below as JSON-RPC envelopes.";

/** The text of a prompt's content blocks, without a replayed history. */
export function promptText(blocks: unknown): string {
  return asList(blocks)
    .filter((block) => !isHistory(asRecord(block)))
    .map(blockText)
    .filter((part) => part !== "")
    .join("\n\n");
}

function isHistory(block: Readonly<Record<string, unknown>>): boolean {
  if (asRecord(block._meta)[historyMark] === true) return true;
  return typeof block.text === "string" && block.text.startsWith(historyOpening);
}

/** One content block as Markdown. Binary content is named, never shown. */
export function blockText(value: unknown): string {
  const block = asRecord(value);
  switch (block.type) {
    case "text":
      return asText(block.text) ?? "";
    case "image":
    case "audio":
      return asText(block.uri) ?? `[${block.type}: ${asText(block.mimeType) ?? "unknown"}]`;
    case "resource_link":
      return markdownLink(asText(block.title) ?? asText(block.name), asText(block.uri));
    case "resource": {
      const resource = asRecord(block.resource);
      return markdownLink(undefined, asText(resource.uri));
    }
    default:
      return asText(block.text) ?? "";
  }
}

function markdownLink(name: string | undefined, uri: string | undefined): string {
  if (uri === undefined) return name ?? "";
  const label = (name ?? uri).replace(/[[\]\\]/g, "\\$&");
  return `[${label}](<${uri.replace(/[<>\s]/g, encodeURIComponent)}>)`;
}

export interface ToolContent {
  readonly output: string;
  readonly changes: readonly FileChange[];
}

/** The output of a tool call: its texts and file changes. */
export function parseToolContent(content: unknown): ToolContent {
  const texts: string[] = [];
  const changes: FileChange[] = [];
  for (const item of asList(content)) {
    if (!isRecord(item)) continue;
    if (item.type === "content") texts.push(blockText(item.content));
    else if (item.type === "diff" && typeof item.path === "string") {
      changes.push({
        path: item.path,
        oldText: asText(item.oldText) ?? null,
        newText: asText(item.newText) ?? "",
      });
    } else if (item.type === "terminal") texts.push(`Terminal ${asText(item.terminalId) ?? ""}`.trim());
    else texts.push(formatValue(item));
  }
  return { output: texts.filter((part) => part !== "").join("\n"), changes };
}

/** File changes as text, for programs that show only text. */
export function formatChanges(changes: readonly FileChange[]): string {
  return changes
    .map(({ path, oldText, newText }) => {
      const before = oldText === null ? [] : oldText.split("\n").map((line) => `-${line}`);
      return [path, ...before, ...newText.split("\n").map((line) => `+${line}`)].join("\n");
    })
    .join("\n\n");
}
