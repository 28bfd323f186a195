import { isErrorCode, type Logger } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import { problem } from "../../http/problem.ts";
import type { Recovery, SessionRecord } from "../types.ts";
import { callAgent } from "./agent-calls.ts";
import { readCapabilities } from "./capabilities.ts";
import { offeredChoices } from "./settings.ts";

/** A session that an agent has opened, with the change of its record. */
export interface OpenedSession {
  readonly change: Partial<SessionRecord>;
}

export interface RecoveredSession extends OpenedSession {
  readonly recovery: Recovery;
}

export interface OpenContext {
  readonly instance: AcpInstance;
  readonly record: SessionRecord;
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Binds the agent's session id to the session. */
  readonly claim: (agentSessionId: string) => void;
  /** Restarts an agent that exited by itself. Returns false if its instance was deleted. */
  readonly restart: () => Promise<boolean>;
}

/** True for a session that no agent has opened and that has no history. */
export function isDraft({ agentSessionId, needsTranscript, parentSequence }: SessionRecord): boolean {
  return agentSessionId === undefined && needsTranscript !== true && (parentSequence ?? 0) === 0;
}

/** Opens a new session of the agent. */
export async function openNewSession(opener: OpenContext): Promise<OpenedSession> {
  const { record } = opener;
  const result = await callWithTimeout(opener, "session/new", {
    cwd: record.cwd,
    mcpServers: record.mcpServers,
  });
  return { change: toOpenedSession(opener, "session/new", result) };
}

/** Forks a session with the agent's `session/fork`. Returns undefined if the agent cannot. */
export async function openFork(
  opener: OpenContext,
  parentSessionId: string,
): Promise<OpenedSession | undefined> {
  if (!readCapabilities(opener.instance).fork) return undefined;
  const { cwd, mcpServers } = opener.record;
  try {
    const result = await callWithTimeout(opener, "session/fork", {
      sessionId: parentSessionId,
      cwd,
      mcpServers,
    });
    return { change: toOpenedSession(opener, "session/fork", result) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    opener.logger.warn("agent did not fork a session", { agent: opener.record.agent, cause: String(error) });
    return undefined;
  }
}

/**
 * Recovers a session in a new process with the agent's `session/resume`, else with `session/load`. Returns undefined
 * if it offers neither or rejects both.
 */
export async function recover(opener: OpenContext): Promise<RecoveredSession | undefined> {
  const { instance, record, claim } = opener;
  const offered = readCapabilities(instance);
  const { agentSessionId, cwd, mcpServers } = record;
  if (agentSessionId === undefined) return undefined;
  claim(agentSessionId);
  const params = { sessionId: agentSessionId, cwd, mcpServers };
  if (offered.resume) {
    const result = await undefinedIfRefused(opener, () => callWithTimeout(opener, "session/resume", params));
    if (result) return { recovery: "resumed", change: offeredChoices(result) };
  }
  if (offered.load) {
    const load = () => callWithTimeout(opener, "session/load", params);
    const result = await undefinedIfRefused(opener, load);
    if (result) return { recovery: "loaded", change: offeredChoices(result) };
  }
  return undefined;
}

/**
 * As {@link recover}, else opens a new session that gets a transcript with its next prompt. This also handles an agent
 * that crashes or hangs on its stored session every time.
 */
export async function recoverOrReplay(opener: OpenContext): Promise<RecoveredSession> {
  const known = await recover(opener).catch(async (error: unknown) => {
    if (!isErrorCode(error, "sandbox", "agent_process_exited") || !(await opener.restart())) throw error;
    warn(opener, error);
    return undefined;
  });
  if (known) return known;
  const { change } = await openNewSession(opener);
  return { recovery: "replayed", change: { ...change, needsTranscript: true } };
}

/**
 * Returns undefined if the agent rejects the request, so that the next way is tried. An exit of the agent is an error.
 */
async function undefinedIfRefused<T>(opener: OpenContext, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    warn(opener, error);
    return undefined;
  }
}

function warn({ logger, record }: OpenContext, error: unknown): void {
  logger.warn("agent did not take up a session", { agent: record.agent, cause: String(error) });
}

async function callWithTimeout(
  opener: OpenContext,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const timer = setTimeout(() => opener.instance.kill(`${method.slice(8)}_timed_out`), opener.timeoutMs);
  try {
    const result = await callAgent(opener.instance, method, params);
    if (typeof result.sessionId === "string") opener.claim(result.sessionId);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the change of the record from the agent's answer, which must contain a session id. */
function toOpenedSession(
  { record: { agent } }: OpenContext,
  method: string,
  result: Readonly<Record<string, unknown>>,
): Partial<SessionRecord> {
  const { sessionId: agentSessionId } = result;
  if (typeof agentSessionId === "string") return { agentSessionId, ...offeredChoices(result) };
  const message = "the answer names no session";
  throw problem("agent_refused", 502, `the agent refused ${method}: ${message}`, {
    agent,
    details: { message },
  });
}

function isRefusal(error: unknown): boolean {
  return isErrorCode(error, "sandbox", "agent_refused");
}
