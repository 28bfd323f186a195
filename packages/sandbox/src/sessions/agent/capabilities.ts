import { isHoldfastError, version } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import type { AcpInstances } from "../../acp/instances.ts";
import { isRecord, problem } from "../../http/problem.ts";
import { callAgent } from "./agent-calls.ts";

/** Ways in which an agent can recover or fork a session. */
export interface SessionCapabilities {
  readonly load: boolean;
  readonly resume: boolean;
  readonly fork: boolean;
}

/** Authentication methods that need only a key in the agent's environment. */
const keyMethods = new Set(["codex-api-key", "openai-api-key", "anthropic-api-key"]);

/** Version of ACP that the server supports. */
const protocolVersion = 1;

/**
 * Starts and initializes the agent of `instance` if necessary. Throws a problem if the agent cannot start; an instance
 * that never ran is then discarded. Throws `sandbox.agent_refused` for an agent with another version of ACP.
 */
export async function ensureInitialized(instances: AcpInstances, instance: AcpInstance): Promise<void> {
  const { agentId: agent } = instance;
  try {
    await instance.start();
  } catch (error) {
    if (!instance.wasStarted) await instances.discard(instance);
    if (isHoldfastError(error)) throw error;
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const text = `failed to start agent "${agent}": ${why}`;
    throw problem("stream_error", 502, text, { agent, details: { message: text } });
  }
  if (instance.initializeAnswer !== undefined) {
    await instance.ready();
    assertProtocolVersion(instance);
    return;
  }
  const result = await callAgent(instance, "initialize", {
    protocolVersion,
    clientInfo: { name: "holdfast-sandbox", version },
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  });
  assertProtocolVersion(instance);
  const methods: readonly unknown[] = Array.isArray(result.authMethods) ? result.authMethods : [];
  const method = methods.map((item) => (isRecord(item) ? item.id : undefined)).find(isKeyMethod);
  // An agent that is signed in by other means may reject this. The session shows whether that matters.
  if (method !== undefined) await callAgent(instance, "authenticate", { methodId: method }).catch(() => {});
}

/** ACP: an agent that does not support the requested version answers with one that it supports. */
function assertProtocolVersion(instance: AcpInstance): void {
  const { protocolVersion: version } = initializeResult(instance);
  // Agents that omit the version implement version 1.
  if (typeof version !== "number" || version === protocolVersion) return;
  const message = `it speaks version ${version} of ACP, and the server version ${protocolVersion}`;
  throw problem("agent_refused", 502, `the agent is not compatible: ${message}`, {
    agent: instance.agentId,
    details: { message },
  });
}

function initializeResult(instance: AcpInstance): Readonly<Record<string, unknown>> {
  const answer: unknown = JSON.parse(instance.initializeAnswer ?? "{}");
  return isRecord(answer) && isRecord(answer.result) ? answer.result : {};
}

export function readCapabilities(instance: AcpInstance): SessionCapabilities {
  const result = initializeResult(instance);
  const agent = isRecord(result.agentCapabilities) ? result.agentCapabilities : {};
  const session = isRecord(agent.sessionCapabilities) ? agent.sessionCapabilities : {};
  return {
    load: agent.loadSession === true,
    resume: isOffered(session.resume),
    fork: isOffered(session.fork),
  };
}

/** ACP marks a capability by an object, which may be empty. */
function isOffered(value: unknown): boolean {
  return value === true || isRecord(value);
}

function isKeyMethod(id: unknown): id is string {
  return typeof id === "string" && keyMethods.has(id);
}
