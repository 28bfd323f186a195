import type { ApprovalOption } from "../contract.ts";
import { field, isRecord, list, text } from "../transcript/read.ts";

/** A sanitized ACP permission request. The agent's input is untrusted. */
export interface PermissionRequest {
  readonly title: string;
  readonly kind?: string;
  /** All fields that describe the call; the answer is bound to them. */
  readonly call: unknown;
  /** The call as text for people. */
  readonly detail: string;
  readonly truncated: boolean;
  readonly options: readonly ApprovalOption[];
}

const kinds = ["allow_once", "allow_always", "reject_once", "reject_always"] as const;
const maxOptions = 12;
const maxTrackedCalls = 200;

/**
 * History of an agent's tool calls. Some agents describe a call when it starts, and later ask for permission with only
 * its id.
 */
export class ToolCallHistory {
  readonly #calls = new Map<string, Readonly<Record<string, unknown>>>();

  /** Records the parameters of a `session/update`. */
  record(params: unknown): void {
    const update = field(params, "update");
    const kind = field(update, "sessionUpdate");
    if (!isRecord(update) || (kind !== "tool_call" && kind !== "tool_call_update")) return;
    const id = text(update.toolCallId, 200);
    if (id === "") return;
    const merged = merge(this.#calls.get(id), update);
    this.#calls.delete(id);
    this.#calls.set(id, merged);
    const oldest = this.#calls.keys().next().value;
    if (this.#calls.size > maxTrackedCalls && oldest !== undefined) this.#calls.delete(oldest);
  }

  /** The requested call, completed with the recorded fields. */
  complete(call: unknown): Readonly<Record<string, unknown>> {
    const recorded = this.#calls.get(text(field(call, "toolCallId"), 200));
    return merge(recorded, isRecord(call) ? call : {});
  }
}

const descriptiveFields = ["title", "kind", "rawInput", "content", "locations"] as const;

function merge(
  before: Readonly<Record<string, unknown>> | undefined,
  after: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = {};
  for (const name of descriptiveFields) {
    const value = after[name] ?? before?.[name];
    if (value !== undefined && value !== null) merged[name] = value;
  }
  return merged;
}

/** Parses a permission request. Undefined if it has no recognized option. */
export function parsePermission(
  params: unknown,
  history: ToolCallHistory,
  maxDetailBytes: number,
): PermissionRequest | undefined {
  const options: ApprovalOption[] = [];
  for (const option of list(field(params, "options")).slice(0, maxOptions)) {
    const kind = kinds.find((each) => each === field(option, "kind"));
    const id = text(field(option, "optionId"));
    if (kind === undefined || id === "" || id.length > 200) continue;
    options.push({
      id,
      kind,
      name: toSingleLine(text(field(option, "name"), 200)) || kind.replace("_", " "),
    });
  }
  if (options.length === 0) return undefined;
  const call = history.complete(field(params, "toolCall"));
  const kind = text(call.kind, 50);
  const detail = escapeText(describe(call));
  const cut = truncateToBytes(detail, maxDetailBytes);
  return {
    title: text(call.title, 500) || "The agent asks for permission",
    ...(kind === "" ? {} : { kind }),
    call,
    detail: cut,
    truncated: cut.length < detail.length,
    options,
  };
}

function describe(call: Readonly<Record<string, unknown>>): string {
  const parts: string[] = [];
  const command = field(call.rawInput, "command");
  if (typeof command === "string") parts.push(`$ ${command}`);
  else if (Array.isArray(command)) parts.push(`$ ${command.map(String).join(" ")}`);
  const shown = list(call.content)
    .map(describeContent)
    .filter((part) => part !== "");
  parts.push(...shown);
  const hasInput = isRecord(call.rawInput)
    ? Object.keys(call.rawInput).length > 0
    : typeof call.rawInput === "string";
  if (parts.length === 0 && hasInput) parts.push(formatInput(call.rawInput));
  if (parts.length === 0)
    parts.push(...list(call.locations).map((location) => text(field(location, "path"), 4_096)));
  return parts.join("\n\n");
}

function formatInput(value: unknown): string {
  if (typeof value === "string") return value;
  if (!isRecord(value)) return JSON.stringify(value, null, 2) ?? "";
  // One paragraph per field: a file's content is easier to read with real line breaks than as a JSON string.
  return Object.entries(value)
    .map(([name, inner]) => {
      const shown = typeof inner === "string" ? inner : (JSON.stringify(inner, null, 2) ?? "");
      return shown.includes("\n") ? `${name}:\n${shown}` : `${name}: ${shown}`;
    })
    .join("\n");
}

function describeContent(part: unknown): string {
  if (!isRecord(part)) return "";
  if (part.type === "diff") {
    return `${text(part.path, 4_096)}\n${lineDiff(text(part.oldText), text(part.newText))}`;
  }
  return part.type === "content" ? text(field(part.content, "text")) : "";
}

/** The lines that differ between two texts, without common lines at the start and the end. */
function lineDiff(before: string, after: string): string {
  const old = linesOf(before);
  const next = linesOf(after);
  let start = 0;
  while (start < old.length && start < next.length && old[start] === next[start]) start++;
  let end = 0;
  while (end < old.length - start && end < next.length - start && old.at(-1 - end) === next.at(-1 - end))
    end++;
  const removed = old.slice(start, old.length - end).map((each) => `-${each}`);
  const added = next.slice(start, next.length - end).map((each) => `+${each}`);
  return [...removed, ...added].join("\n");
}

function linesOf(value: string): string[] {
  return value === "" ? [] : value.replace(/\n$/, "").split("\n");
}

/** Escapes control and direction characters, which can disguise text. Keeps line ends and tabs. */
function escapeText(value: string): string {
  return value.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

function toSingleLine(name: string): string {
  return escapeText(name).replace(/\s+/g, " ").trim();
}

function truncateToBytes(value: string, maxBytes: number): string {
  const bytes = Buffer.from(value);
  return bytes.length <= maxBytes
    ? value
    : bytes
        .subarray(0, maxBytes)
        .toString("utf8")
        .replace(/\ufffd+$/, "");
}
