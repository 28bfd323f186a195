import { event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { NewSession, TaskSessionEvents, TaskSessionView } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { requireAgent } from "../new-task.ts";
import { addPerson, type FurtherSession, hasWork, sessionsOf, type TaskState } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { requirePrompt, requireText } from "../validate.ts";
import { findSession, nameOf, openSessions } from "./find.ts";
import { readSessionName } from "./input.ts";
import { markSeen, readSeen, type SeenContext } from "./seen.ts";
import { toSessionView } from "./view.ts";

type SessionsContext = TaskContext & PersonContext;

type SessionsHost = Pick<BackendHost, "ports" | "handover" | "requireJails" | "listAgents" | "closeSession">;

/** Events of a task about its sessions. */
export const sessionEvents = { sessionsSeen: event<TaskSessionEvents["sessionsSeen"]>() };

/** The actions of a task about its sessions. */
export function sessionActions(host: SessionsHost, steps: TaskSteps) {
  return {
    async startSession(c: SessionsContext, input: NewSession): Promise<TaskSessionView> {
      const { name, prompt } = input ?? {};
      const given = name === undefined ? undefined : readSessionName(name);
      if (prompt !== undefined) requirePrompt(prompt);
      host.requireJails();
      const agent = await requireAgent(host, input?.agent);
      requireRoom(c.state);
      const sessionId = steps.newId();
      // A crash after this leaves an empty log, and no session.
      await createLog(host, c, sessionId);
      // Others may have been started during the awaits.
      requireRoom(c.state);
      const now = host.ports.clock.now();
      const session: FurtherSession = {
        ...{ sessionId, name: given ?? freeName(c.state, agent.id), agent: agent.id, createdAt: now },
        ...{ status: "idle", prompts: [], approvals: [], settled: [], stopping: false },
        usage: { inputTokens: 0, outputTokens: 0, requests: 0 },
      };
      c.state.sessions = [...(c.state.sessions ?? []), session];
      addPerson(c.state, c.conn.state.person);
      if (prompt === undefined) steps.publishChange(c);
      else await steps.prompt(c, prompt, c.conn.state.person, { session: sessionId });
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
      session.closedAt = host.ports.clock.now();
      steps.publishChange(c);
      await c.saveState();
      await host.closeSession(c.state.id, sessionId);
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
async function createLog({ handover }: SessionsHost, c: TaskContext, sessionId: string): Promise<void> {
  const token = handover.put({ sessionOf: c.state.id });
  try {
    await c.client().getOrCreate("session", [sessionId], { createWithInput: { token } }).resolve();
  } finally {
    handover.drop(token);
  }
}
