/** The sessions of a task: which there are, how they stand together, and what people do with them. */
import { HoldfastError } from "@holdfast/core";
import type { TaskError, TaskStatus } from "../../contract.ts";
import { copyOf, sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";

/** The sessions that take prompts; at least one. */
export function openSessions(state: TaskState): readonly TaskSession[] {
  return sessionsOf(state).filter(({ closedAt }) => closedAt === undefined);
}

/**
 * The attempts of which one is to be kept: the open sessions with a copy of their own, and the first one of those in the
 * task's workspace. None without copies.
 */
export function attemptsOf(state: TaskState): readonly TaskSession[] {
  const open = openSessions(state);
  const copies = open.filter((session) => copyOf(session) !== undefined);
  if (copies.length === 0) return [];
  return [...open.filter((session) => copyOf(session) === undefined).slice(0, 1), ...copies];
}

/** A session of the task; without an id, the first one that is open. Throws `task.session_not_found`. */
export function findSession(state: TaskState, sessionId?: string): TaskSession {
  if (sessionId === undefined) return openSessions(state)[0] ?? state;
  const session = sessionsOf(state).find((each) => each.sessionId === sessionId);
  if (session !== undefined) return session;
  const message = "The task has no such session";
  throw new HoldfastError("task", "session_not_found", message, { statusCode: 404 });
}

/** The same for a prompt. Throws `task.session_closed` too. */
export function findOpenSession(state: TaskState, sessionId?: string): TaskSession {
  const session = findSession(state, sessionId);
  if (session.closedAt === undefined) return session;
  const message = `The session ${nameOf(session)} is closed. Send the prompt to another session of the task.`;
  throw new HoldfastError("task", "session_closed", message, { statusCode: 409 });
}

/** The session that has asked a question, or had asked it; undefined if none did. */
export function sessionOfApproval(state: TaskState, approvalId: string): TaskSession | undefined {
  return (
    sessionsOf(state).find(({ approvals }) => approvals.some(({ id }) => id === approvalId)) ??
    sessionsOf(state).find(({ settled }) => settled.includes(approvalId))
  );
}

/** A first session that was never named is called like its agent. */
export function nameOf({ name, agent }: TaskSession): string {
  return name ?? agent;
}

/** The most urgent first: what needs a person, then what works, then how the sessions have ended. */
const urgency: readonly TaskStatus[] = ["waiting", "running", "preparing", "failed", "idle", "stopped"];

/** How the task stands: the most urgent status of its open sessions, and the error that belongs to it. */
export function statusOf(state: TaskState): { readonly status: TaskStatus; readonly error?: TaskError } {
  const [session = state] = openSessions(state).toSorted(
    (a, b) => urgency.indexOf(a.status) - urgency.indexOf(b.status),
  );
  const { status, error } = session;
  return { status, ...(error === undefined ? {} : { error: { ...error } }) };
}

/** The agents that have worked on a task, as a text. */
export function agentsOf(state: TaskState): string {
  const agents = [...new Set(sessionsOf(state).map(({ agent }) => agent))];
  return agents.length < 2 ? state.agent : `${agents.slice(0, -1).join(", ")} and ${agents.at(-1)}`;
}
