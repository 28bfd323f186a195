/** Sessions and their transcripts. */
import type { SessionEvent } from "../../api/types.ts";

/** Summarizes an event for one row: its method or kind of response, and the most telling value of its parameters. */
export function summarizeEvent({ payload }: SessionEvent): {
  readonly name: string;
  readonly summary: string;
} {
  const { method, params, error } = payload;
  if (typeof method === "string") return { name: method, summary: summarizeParams(method, params) };
  if (error !== undefined)
    return { name: "error", summary: `${text(member(error, "message"))} (id ${text(payload.id)})` };
  const stop = member(payload.result, "stopReason");
  return {
    name: "response",
    summary: `id ${text(payload.id)}${stop === undefined ? "" : `, ${text(stop)}`}`,
  };
}

function summarizeParams(method: string, params: unknown): string {
  if (method === "session/update") return summarizeUpdate(member(params, "update"));
  if (method === "session/request_permission") return text(member(member(params, "toolCall"), "title"));
  if (method === "session/prompt") return firstText(member(params, "prompt"));
  if (method === "_session/prompt") return text(member(params, "status"));
  if (method === "_session/permission") return text(member(params, "state"));
  if (method === "_session/recovered") return text(member(params, "recovery"));
  if (method === "_adapter/agent_exited") return `code ${text(member(params, "code"))}`;
  return "";
}

function summarizeUpdate(update: unknown): string {
  const kind = text(member(update, "sessionUpdate"));
  const summary =
    text(member(member(update, "content"), "text")) ||
    [text(member(update, "title")), text(member(update, "status"))].filter((part) => part !== "").join(", ");
  return summary === "" ? kind : `${kind}: ${summary}`;
}

function firstText(blocks: unknown): string {
  return Array.isArray(blocks) ? text(member(blocks[0], "text")) : "";
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).slice(0, 300) : "";
}
