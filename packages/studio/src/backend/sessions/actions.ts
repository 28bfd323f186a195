import { event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { inOrganization, organizationOfId } from "../../access/organization-ids.ts";
import type { TaskFiles } from "../../cluster/task-files.ts";
import type {
  AttemptStorage,
  DiffView,
  NewSession,
  TaskSessionEvents,
  TaskSessionView,
} from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { requireAgent } from "../new-task.ts";
import { readOptions } from "../prompts/actions.ts";
import { requireBudget } from "../prompts/payer.ts";
import { hasWork } from "../task-activity.ts";
import { addPerson, copyOf, newSession, sessionsOf, type TaskState } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { requirePrompt, requireText } from "../validate.ts";
import { type AttemptsHost, attemptSizes, beginKeeping } from "./attempts.ts";
import { findSession, nameOf, openSessions } from "./find.ts";
import { readSessionName } from "./input.ts";
import { markSeen, readSeen, type SeenContext } from "./seen.ts";
import { toSessionView } from "./view.ts";

type SessionsContext = TaskContext & PersonContext;

type SessionsHost = AttemptsHost &
  Pick<BackendHost, "valueTokens" | "requireJails" | "listAgents" | "changes" | "requireBudget">;

/** Events of a task about its sessions. */
export const sessionEvents = { sessionsSeen: event<TaskSessionEvents["sessionsSeen"]>() };

/** The actions of a task about its sessions. */
export function sessionActions(host: SessionsHost, steps: TaskSteps, files: Pick<TaskFiles, "bring">) {
  return {
    async startSession(c: SessionsContext, input: NewSession): Promise<TaskSessionView> {
      const { name, prompt, copy } = input ?? {};
      if (copy !== undefined && typeof copy !== "boolean" && copy !== "workspace") {
        const message = '`copy` must be true, false or "workspace"';
        throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
      }
      const options = readOptions(input?.options);
      const given = name === undefined ? undefined : readSessionName(name);
      if (prompt !== undefined) requirePrompt(prompt);
      host.requireJails();
      const agent = await requireAgent(host, input?.agent);
      requireRoom(c.state);
      // Before there is a session: one without its prompt would stay.
      if (prompt !== undefined) await requireBudget(host, c.state, c.conn.state);
      const sessionId = inOrganization(organizationOfId(c.state.id), steps.newId());
      // A crash after this leaves an empty log, and no session.
      await createLog(host, c, sessionId);
      // Others may have been started during the awaits.
      requireRoom(c.state);
      const now = host.ports.clock.now();
      const session = newSession({
        ...{ sessionId, name: given ?? freeName(c.state, agent.id), agent: agent.id, createdAt: now },
      });
      if (copy === true || copy === "workspace") session.copy = sessionId;
      if (copy === "workspace") session.copiesFiles = true;
      if (Object.keys(options).length > 0) session.options = { ...options };
      c.state.sessions = [...(c.state.sessions ?? []), session];
      addPerson(c.state, c.conn.state.person);
      if (prompt === undefined) steps.publishChange(c);
      else await steps.prompt(c, prompt, c.conn.state, { session: sessionId });
      return toSessionView(c.state, findSession(c.state, sessionId));
    },

    renameSession(c: SessionsContext, sessionId: string, name: string): void {
      requireText(sessionId, "sessionId", 200);
      findSession(c.state, sessionId).name = readSessionName(name);
      steps.publishChange(c);
    },

    async closeSession(c: SessionsContext, sessionId: string): Promise<void> {
      requireText(sessionId, "sessionId", 200);
      const session = findSession(c.state, sessionId);
      if (session.closedAt !== undefined) return;
      if (hasWork(session)) {
        const message = `The agent of ${nameOf(session)} is working. Stop it first.`;
        throw new HoldfastError("task", "session_busy", message, { statusCode: 409 });
      }
      if (openSessions(c.state).length < 2) {
        const message = "This is the only open session of the task. Start another one first.";
        throw new HoldfastError("task", "last_session", message, { statusCode: 409 });
      }
      // A crash leaves no folder behind: the next start looks at what is active.
      if (copyOf(session) !== undefined) await steps.markActive(c);
      session.closedAt = host.ports.clock.now();
      steps.publishChange(c);
      await c.saveState();
      await host.closeSession(c.state.id, sessionId);
      if (copyOf(session) !== undefined) await steps.clearAttempts(c);
    },

    async attemptDiff(c: SessionsContext, sessionId: string): Promise<DiffView> {
      requireText(sessionId, "sessionId", 200);
      const copy = copyOf(findSession(c.state, sessionId));
      const { base, id } = c.state;
      const none = { base: base?.commit ?? "", tree: "", files: [], truncated: false };
      if (base === undefined) return none;
      await files.bring(c);
      if (copy !== undefined && !host.copies.has(id, copy)) return none;
      return c.keepAwake(host.changes.diff(id, base.commit, copy));
    },

    async attemptStorage(c: SessionsContext): Promise<Readonly<Record<string, AttemptStorage>>> {
      await files.bring(c);
      return attemptSizes(host, c);
    },

    async keepAttempt(c: SessionsContext, sessionId: string): Promise<AttemptStorage> {
      requireText(sessionId, "sessionId", 200);
      await files.bring(c);
      await steps.markActive(c);
      const working = beginKeeping(host, c.state, sessionId);
      steps.publishChange(c);
      await steps.stopSessions(c, working);
      return c.keepAwake(steps.clearAttempts(c));
    },

    seenSessions: (c: SeenContext): Promise<Readonly<Record<string, number>>> => readSeen(c),

    markSession: (c: SeenContext & SessionsContext, sessionId: string): Promise<void> => {
      requireText(sessionId, "sessionId", 200);
      return markSeen(c, findSession(c.state, sessionId).sessionId, host.ports.clock.now());
    },
  };
}

/** Throws `task.too_many_sessions`. */
function requireRoom(state: TaskState): void {
  const { maxOpenSessions, maxSessions } = studioLimits;
  const isFull = openSessions(state).length >= maxOpenSessions;
  if (!isFull && sessionsOf(state).length < maxSessions) return;
  const message = isFull
    ? `A task has at most ${maxOpenSessions} open sessions. Close one first.`
    : `A task has at most ${maxSessions} sessions. Start a new task.`;
  throw new HoldfastError("task", "too_many_sessions", message, { statusCode: 409 });
}

/** The agent's id, with a number if a session is called so. */
function freeName(state: TaskState, agent: string): string {
  const taken = new Set(sessionsOf(state).map(nameOf));
  if (!taken.has(agent)) return agent;
  for (let number = 2; ; number++) if (!taken.has(`${agent} ${number}`)) return `${agent} ${number}`;
}

/** Creates the actor that has the log of a session. */
async function createLog({ valueTokens }: SessionsHost, c: TaskContext, sessionId: string): Promise<void> {
  const token = valueTokens.put({ sessionOf: c.state.id });
  try {
    await c.client().getOrCreate("session", [sessionId], { createWithInput: { token } }).resolve();
  } finally {
    valueTokens.drop(token);
  }
}
