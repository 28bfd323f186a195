/** The sessions of a task: the tabs, what one of them shows, and the dialogs to start, name and close them. */
import type { TaskSessionView, TaskView } from "../../../contract.ts";

/** The sessions that take prompts. */
export function openSessions({ sessions }: TaskView): readonly TaskSessionView[] {
  return sessions.filter(({ closedAt }) => closedAt === undefined);
}

/** The session that is shown: the chosen one, or the first that is open. */
export function shownSession(task: TaskView, chosen: string | undefined): TaskSessionView | undefined {
  return task.sessions.find(({ id }) => id === chosen) ?? openSessions(task)[0] ?? task.sessions[0];
}

/** The sessions that have a tab: the open ones, and the one that is shown. */
export function tabbedSessions(task: TaskView, shown: TaskSessionView): readonly TaskSessionView[] {
  const open = openSessions(task);
  return shown.closedAt === undefined ? open : [...open, shown];
}

/** A task as one of its sessions sees it: with the agent, the status, the questions and the prompts of that one alone. */
export function viewOfSession(task: TaskView, session: TaskSessionView): TaskView {
  const { error: _error, queued: _queued, options: _options, ...rest } = task;
  const { id, agent, status, approvals, usage, error, queued, options } = session;
  return {
    ...rest,
    ...{ sessionId: id, agent, status, approvals, usage },
    ...(error === undefined ? {} : { error }),
    ...(queued === undefined ? {} : { queued }),
    ...(options === undefined ? {} : { options }),
  };
}

/** True if a session has needed this person since they last read it. */
export function isSessionUnread(
  task: TaskView,
  session: TaskSessionView,
  seen: Readonly<Record<string, number>>,
): boolean {
  // What the first session did while it was alone was read with the task.
  const alone = task.sessions[1]?.createdAt ?? Number.MAX_SAFE_INTEGER;
  return session.attentionAt > (seen[session.id] ?? (session === task.sessions[0] ? alone : 0));
}
