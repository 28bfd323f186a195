import { isHoldfastError } from "@holdfast/core";
import type { AcpInstance } from "../acp/instance.ts";
import type { AcpInstances } from "../acp/instances.ts";
import { isRecord, problem } from "../http/problem.ts";
import { call } from "./link.ts";

/** What an agent can do for a session that it does not run now. */
export interface SessionCapabilities {
  readonly load: boolean;
  readonly resume: boolean;
  readonly fork: boolean;
}

/** Ways to authenticate that need nothing but a key in the agent's environment. */
const keyMethods = new Set(["codex-api-key", "openai-api-key", "anthropic-api-key"]);

/**
 * Starts the agent of `instance` and initializes it, each where that is still to be done. Throws the
 * problem of why it cannot be; then an instance that never ran is gone.
 */
export async function makeReady(instances: AcpInstances, instance: AcpInstance): Promise<void> {
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
    return;
  }
  const result = await call(instance, "initialize", {
    protocolVersion: 1,
    clientInfo: { name: "holdfast-sandbox", version: "0.1.0" },
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  });
  const methods: readonly unknown[] = Array.isArray(result.authMethods) ? result.authMethods : [];
  const method = methods.map((item) => (isRecord(item) ? item.id : undefined)).find(isKeyMethod);
  // An agent that is signed in by other means may refuse; whether it matters shows with the session.
  if (method !== undefined) await call(instance, "authenticate", { methodId: method }).catch(() => {});
}

export function capabilitiesOf(instance: AcpInstance): SessionCapabilities {
  const answer: unknown = JSON.parse(instance.initializeAnswer ?? "{}");
  const result = isRecord(answer) && isRecord(answer.result) ? answer.result : {};
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
