import { isRecord } from "../http/problem.ts";
import { type Message, readMessage } from "./message.ts";

/** The instance whose agent opens a session. */
export interface SessionOpener {
  readonly serverId: string;
  readonly agentId: string;
  /** Adds a message to the stream for clients. */
  release(raw: string): void;
}

/** A session that an agent is about to open, load, resume or fork. */
export interface SessionStart {
  readonly opener: SessionOpener;
  readonly agent: string;
  readonly method: string;
  /** As the client sent it. */
  readonly cwd: string | undefined;
  /** MCP servers from the client's request, in the format of ACP. */
  readonly mcpServers: readonly unknown[];
}

/** Returns the MCP servers of the session. An error that it throws becomes the answer to the request. */
export type SessionStartHook = (start: SessionStart) => Promise<readonly unknown[]>;

const methods = new Set(["session/new", "session/load", "session/resume", "session/fork"]);

/** True for requests that open a session in an agent. */
export function startsSession(method: string): boolean {
  return methods.has(method);
}

/** Returns `message` with the MCP servers that `hook` returns, or `message` itself if nothing changes. */
export async function withSessionStart(
  message: Message,
  opener: SessionOpener,
  hook: SessionStartHook,
): Promise<Message> {
  if (message.kind !== "request" || !methods.has(message.method ?? "")) return message;
  const value: unknown = JSON.parse(message.raw);
  if (!isRecord(value)) return message;
  const params = isRecord(value.params) ? value.params : {};
  const requested: readonly unknown[] = Array.isArray(params.mcpServers) ? params.mcpServers : [];
  const cwd = typeof params.cwd === "string" ? params.cwd : undefined;
  const mcpServers = await hook({
    opener,
    agent: opener.agentId,
    method: message.method ?? "",
    cwd,
    mcpServers: requested,
  });
  if (mcpServers === requested) return message;
  const changed = readMessage(JSON.stringify({ ...value, params: { ...params, mcpServers } }));
  return changed ?? message;
}

/**
 * Corrects mistakes that lenient agents tolerate and strict ones reject: a protocol version sent as a string becomes a
 * number, and a new session without `mcpServers` gets an empty list.
 */
export function normalizeForStrictAgent(message: Message): Message {
  const isInitialize = message.method === "initialize";
  if (message.kind !== "request" || (!isInitialize && message.method !== "session/new")) return message;
  const value: unknown = JSON.parse(message.raw);
  if (!isRecord(value) || !isRecord(value.params)) return message;
  const { params } = value;
  const { protocolVersion } = params;
  const right: Record<string, unknown> = {};
  if (isInitialize && typeof protocolVersion === "string" && /^\d+(\.\d+)?$/.test(protocolVersion)) {
    right.protocolVersion = Number(protocolVersion);
  }
  if (!isInitialize && params.mcpServers === undefined) right.mcpServers = [];
  if (Object.keys(right).length === 0) return message;
  return readMessage(JSON.stringify({ ...value, params: { ...params, ...right } })) ?? message;
}
