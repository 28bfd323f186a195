import { isRecord } from "../../http/problem.ts";
import type { LogEntry } from "../types.ts";

/** Marks a content block as a transcript, so that the next transcript leaves it out. */
export const transcriptMark = "holdfast.dev/transcript";

const preamble =
  "What follows is a record of this conversation up to now, kept by the server because your own memory of it was lost. Take it as the past; do not do again what it says was done.";
const cut = "(the beginning is left out)";

/**
 * Formats the history of a session as a content block for its agent; undefined for an empty history. `entries` are
 * newest first. At most `maxBytes` of the text are kept, the newest ones.
 */
export function transcriptBlock(
  entries: Iterable<LogEntry>,
  maxBytes: number,
): Readonly<Record<string, unknown>> | undefined {
  const parts: Part[] = [];
  let room = maxBytes - preamble.length - cut.length - 64;
  let complete = true;
  for (const entry of entries) {
    const part = toPart(entry);
    if (!part) continue;
    const last = parts.at(-1);
    const joins = last !== undefined && part.joins && last.speaker === part.speaker;
    const head = joins ? 0 : part.speaker.length + 4;
    const retained = truncateStart(part.text, room - head);
    complete = retained === part.text;
    room -= head + Buffer.byteLength(retained);
    if (joins) last.text = retained + last.text;
    else if (retained !== "") parts.push({ ...part, text: retained });
    if (!complete) break;
  }
  if (parts.length === 0) return undefined;
  const lines = parts.reverse().map((part) => `[${part.speaker}] ${part.text}`);
  const text = [preamble, ...(complete ? [] : [cut]), ...lines, "(end of the record)"].join("\n");
  return { type: "text", text, _meta: { [transcriptMark]: true } };
}

/** Returns the end of a text, at most `maxBytes` in UTF-8, without a partial character. */
function truncateStart(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let start = bytes.length - Math.max(0, maxBytes);
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.toString("utf8", start);
}

interface Part {
  readonly speaker: string;
  text: string;
  /** A chunk of a streamed message; consecutive chunks are one text. */
  readonly joins: boolean;
}

function toPart(entry: LogEntry): Part | undefined {
  if (entry.sender === "server") return undefined;
  const message: unknown = JSON.parse(entry.payload);
  const params = isRecord(message) && isRecord(message.params) ? message.params : {};
  const method = isRecord(message) ? message.method : undefined;
  if (entry.sender === "client") {
    return method === "session/prompt" ? createPart("user", joinText(params.prompt), false) : undefined;
  }
  if (method !== "session/update" || !isRecord(params.update)) return undefined;
  const { update } = params;
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      return createPart("agent", joinText([update.content]), true);
    case "tool_call":
      return createPart(
        "tool",
        `${String(update.title ?? update.toolCallId)}: ${String(update.status ?? "pending")}`,
        false,
      );
    case "tool_call_update":
      return update.status === "completed" || update.status === "failed"
        ? createPart("tool", `${String(update.title ?? update.toolCallId)}: ${update.status}`, false)
        : undefined;
    default:
      return undefined;
  }
}

function createPart(speaker: string, text: string, joins: boolean): Part | undefined {
  return text === "" ? undefined : { speaker, text, joins };
}

function joinText(blocks: unknown): string {
  if (!Array.isArray(blocks)) return "";
  return blocks
    .flatMap((block) => {
      if (!isRecord(block) || (isRecord(block._meta) && block._meta[transcriptMark] === true)) return [];
      if (typeof block.text === "string") return [block.text];
      return typeof block.uri === "string" ? [`<${block.uri}>`] : [`(${String(block.type)})`];
    })
    .join("\n");
}
