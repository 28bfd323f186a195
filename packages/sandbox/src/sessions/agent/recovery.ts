import { isErrorCode, type Logger } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import { problem } from "../../http/problem.ts";
import type { Recovery, SessionRecord } from "../types.ts";
import { call } from "./agent-calls.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { offersOf } from "./settings.ts";

/** How an agent took a session up, and what it is called there. */
export interface Opened {
  readonly change: Partial<SessionRecord>;
}

export interface Reopened extends Opened {
  readonly recovery: Recovery;
}

export interface Opener {
  readonly instance: AcpInstance;
  readonly record: SessionRecord;
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** The agent's session of this name belongs to the session from now on. */
  readonly claim: (agentSessionId: string) => void;
  /** Starts the agent once more where it has ended by itself; false where it was ended for good. */
  readonly again: () => Promise<boolean>;
}

/** No agent has opened it, and there is no past that one would have to be told. */
export function isDraft({ agentSessionId, needsTranscript, parentSequence }: SessionRecord): boolean {
  return agentSessionId === undefined && needsTranscript !== true && (parentSequence ?? 0) === 0;
}

/** Opens a new session of the agent. */
export async function openNew(opener: Opener): Promise<Opened> {
  const { record } = opener;
  const result = await timed(opener, "session/new", { cwd: record.cwd, mcpServers: record.mcpServers });
  return { change: opened(opener, "session/new", result) };
}

/** Lets the agent make a session of its own from another one's; undefined when it cannot. */
export async function openFork(opener: Opener, parentSessionId: string): Promise<Opened | undefined> {
  if (!capabilitiesOf(opener.instance).fork) return undefined;
  const { cwd, mcpServers } = opener.record;
  try {
    const result = await timed(opener, "session/fork", { sessionId: parentSessionId, cwd, mcpServers });
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
export async function openKnown(opener: Opener): Promise<Reopened | undefined> {
  const { instance, record, claim } = opener;
  const offered = capabilitiesOf(instance);
  const { agentSessionId, cwd, mcpServers } = record;
  if (agentSessionId === undefined) return undefined;
  claim(agentSessionId);
  const params = { sessionId: agentSessionId, cwd, mcpServers };
  if (offered.resume) {
    const result = await attempt(opener, () => timed(opener, "session/resume", params));
    if (result) return { recovery: "resumed", change: offersOf(result) };
  }
  if (offered.load) {
    const load = () => timed(opener, "session/load", params);
    const result = await attempt(opener, load);
    if (result) return { recovery: "loaded", change: offersOf(result) };
  }
  return undefined;
}

/**
 * As {@link openKnown}, and else as a new session that is told the past with its next prompt: also where the
 * agent ends or hangs over what it has kept, which it would do each time.
 */
export async function openAgain(opener: Opener): Promise<Reopened> {
  const known = await openKnown(opener).catch(async (error: unknown) => {
    if (!isErrorCode(error, "sandbox", "agent_process_exited") || !(await opener.again())) throw error;
    warn(opener, error);
    return undefined;
  });
  if (known) return known;
  const { change } = await openNew(opener);
  return { recovery: "replayed", change: { ...change, needsTranscript: true } };
}

/** What the agent refuses is tried otherwise; with an agent that died nothing can be. */
async function attempt<T>(opener: Opener, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    warn(opener, error);
    return undefined;
  }
}

function warn({ logger, record }: Opener, error: unknown): void {
  logger.warn("agent did not take up a session", { agent: record.agent, cause: String(error) });
}

async function timed(
  opener: Opener,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const timer = setTimeout(() => opener.instance.cut(`${method.slice(8)}_timed_out`), opener.timeoutMs);
  try {
    const result = await call(opener.instance, method, params);
    if (typeof result.sessionId === "string") opener.claim(result.sessionId);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

/** What the agent has answered; without a name of the session nothing could be asked of it. */
function opened(
  { record: { agent } }: Opener,
  method: string,
  result: Readonly<Record<string, unknown>>,
): Partial<SessionRecord> {
  const { sessionId: agentSessionId } = result;
  if (typeof agentSessionId === "string") return { agentSessionId, ...offersOf(result) };
  const message = "the answer names no session";
  throw problem("agent_refused", 502, `the agent refused ${method}: ${message}`, {
    agent,
    details: { message },
  });
}

function isRefusal(error: unknown): boolean {
  return isErrorCode(error, "sandbox", "agent_refused");
}
