import { invalid, isRecord } from "../http/problem.ts";
import type { Settings } from "./agent/settings.ts";
import type { PermissionAnswer } from "./turns/pending-permissions.ts";
import { type ContentBlocks, parseContent } from "./turns/prompt-queue.ts";

/** Body of `POST /v1/sessions`, checked. */
export interface CreateInput {
  readonly id?: string;
  readonly agent: string;
  readonly cwd?: string;
  readonly title?: string;
  readonly mcpServers: readonly unknown[];
  readonly permissionTimeoutMs?: number;
  readonly settings: Settings;
}

type Fields = Readonly<Record<string, unknown>>;

const maxNameLength = 200;
const maxPathLength = 4_096;

export function readCreate(body: unknown): CreateInput {
  const fields = object(body);
  const agent = text(fields, "agent", maxNameLength);
  if (agent === undefined) throw wrong("agent must be a text");
  const servers = fields.mcpServers ?? [];
  if (!Array.isArray(servers) || !servers.every(isRecord))
    throw wrong("mcpServers must be an array of objects");
  const timeout = fields.permissionTimeoutMs;
  if (timeout !== undefined && !isCount(timeout)) {
    throw wrong("permissionTimeoutMs must be a non-negative integer");
  }
  return {
    agent,
    mcpServers: servers,
    settings: settings(fields),
    ...optional("id", readId(fields)),
    ...optional("cwd", text(fields, "cwd", maxPathLength)),
    ...optional("title", text(fields, "title", maxNameLength)),
    ...optional("permissionTimeoutMs", timeout),
  };
}

export function readPatch(body: unknown): {
  readonly title?: string;
  readonly archived?: boolean;
  readonly settings: Settings;
} {
  const fields = object(body);
  const archived = fields.archived ?? undefined;
  if (archived !== undefined && typeof archived !== "boolean") throw wrong("archived must be true or false");
  return {
    ...optional("title", text(fields, "title", maxNameLength)),
    ...optional("archived", archived),
    settings: settings(fields),
  };
}

export function readFork(body: unknown): {
  readonly cwd?: string;
  readonly title?: string;
  readonly sequence?: number;
} {
  const fields = object(body ?? {});
  const { sequence } = fields;
  if (sequence !== undefined && (!isCount(sequence) || sequence === 0)) {
    throw wrong("sequence must be a positive integer");
  }
  return {
    ...optional("cwd", text(fields, "cwd", maxPathLength)),
    ...optional("title", text(fields, "title", maxNameLength)),
    ...optional("sequence", sequence),
  };
}

export function readPrompt(body: unknown): { readonly id?: string; readonly content: ContentBlocks } {
  const fields = object(body);
  const content = parseContent(fields.prompt);
  if (!content) throw wrong("prompt must be a text or an array of content blocks, and not be empty");
  return { content, ...optional("id", readId(fields)) };
}

export function readCancel(body: unknown): string | undefined {
  return text(object(body ?? {}), "promptId", maxNameLength);
}

export function readAnswer(body: unknown): PermissionAnswer {
  const { optionId, reply, cancel } = object(body);
  if (typeof optionId === "string") return { optionId };
  if (reply === "once" || reply === "always" || reply === "reject") return { reply };
  if (cancel === true) return { cancel };
  throw wrong('an answer has an optionId, a reply ("once", "always" or "reject"), or cancel: true');
}

function settings(fields: Fields): Settings {
  const { config } = fields;
  if (config !== undefined && !isTextMap(config)) throw wrong("config must map option ids to texts");
  return {
    ...optional("mode", text(fields, "mode", maxNameLength)),
    ...optional("model", text(fields, "model", maxNameLength)),
    ...optional("thoughtLevel", text(fields, "thoughtLevel", maxNameLength)),
    ...optional("config", config),
  };
}

function readId(fields: Fields): string | undefined {
  const id = text(fields, "id", maxNameLength);
  if (id !== undefined && !/^[\w.:-]+$/.test(id)) {
    throw wrong("id must consist of letters, digits and _ . : -");
  }
  return id;
}

/** A member that is a text of 1 to `maxLength` characters, or absent. */
function text(fields: Fields, name: string, maxLength: number): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value !== "" && value.length <= maxLength && !value.includes("\0")) {
    return value;
  }
  throw wrong(`${name} must be a text of 1 to ${maxLength} characters`);
}

function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [key in Name]?: Value } {
  const found: { [key in Name]?: Value } = {};
  if (value !== undefined) found[name] = value;
  return found;
}

function object(body: unknown): Fields {
  if (isRecord(body)) return body;
  throw wrong("the request body must be an object");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === "string");
}

function wrong(detail: string) {
  return invalid(detail, 422);
}
