import { isErrorCode, type Logger } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import { problem } from "../../http/problem.ts";
import type { Recovery, SessionRecord } from "../types.ts";
import { callAgent } from "./agent-calls.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { offeredChoices } from "./settings.ts";

/** How an agent took a session up, and what it is called there. */
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
  /** The agent's session of this name belongs to the session from now on. */
  readonly claim: (agentSessionId: string) => void;
  /** Starts the agent once more where it has ended by itself; false where it was ended for good. */
  readonly restart: () => Promise<boolean>;
}

/** No agent has opened it, and there is no past that one would have to be told. */
export function isDraft({ agentSessionId, needsTranscript, parentSequence }: SessionRecord): boolean {
  return agentSessionId === undefined && needsTranscript !== true && (parentSequence ?? 0) === 0;
}

/** Opens a new session of the agent. */
export async function openNew(opener: OpenContext): Promise<OpenedSession> {
  const { record } = opener;
  const result = await callWithTimeout(opener, "session/new", {
    cwd: record.cwd,
    mcpServers: record.mcpServers,
  });
  return { change: opened(opener, "session/new", result) };
}

/** Lets the agent make a session of its own from another one's; undefined when it cannot. */
export async function openFork(
  opener: OpenContext,
  parentSessionId: string,
): Promise<OpenedSession | undefined> {
  if (!capabilitiesOf(opener.instance).fork) return undefined;
  const { cwd, mcpServers } = opener.record;
  try {
    const result = await callWithTimeout(opener, "session/fork", {
      sessionId: parentSessionId,
      cwd,
      mcpServers,
    });
    return { change: opened(opener, "session/fork", result) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    opener.logger.warn("agent did not fork a session", { agent: opener.record.agent, cause: String(error) });
    return undefined;
  }
}

/**
 * Brings a session back in a process that does not run it, by the agent's own resume, else its load;
 * undefined when it offers neither or refuses both.
 */
export async function recover(opener: OpenContext): Promise<RecoveredSession | undefined> {
  const { instance, record, claim } = opener;
  const offered = capabilitiesOf(instance);
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
 * As {@link recover}, and else as a new session that is told the past with its next prompt: also where the
 * agent ends or hangs over what it has kept, which it would do each time.
 */
export async function recoverOrReplay(opener: OpenContext): Promise<RecoveredSession> {
  const known = await recover(opener).catch(async (error: unknown) => {
    if (!isErrorCode(error, "sandbox", "agent_process_exited") || !(await opener.restart())) throw error;
    warn(opener, error);
    return undefined;
  });
  if (known) return known;
  const { change } = await openNew(opener);
  return { recovery: "replayed", change: { ...change, needsTranscript: true } };
}

/** What the agent refuses is tried otherwise; with an agent that died nothing can be. */
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

/** What the agent has answered; without a name of the session nothing could be asked of it. */
function opened(
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
