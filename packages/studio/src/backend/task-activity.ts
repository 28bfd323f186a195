/** What goes on in a task, as its state tells: whether an agent works, and what a restart has to resume. */
import { type FurtherSession, isOpen, sessionsOf, type TaskSession, type TaskState } from "./task-state.ts";

/** True while an agent works on a prompt of the session, or should. */
export function hasWork(session: TaskSession): boolean {
  return session.stopping || session.prompts.some(isOpen);
}

/** True while an agent works on a prompt, or should. */
export function isInTurn(state: TaskState): boolean {
  return sessionsOf(state).some(({ prompts }) => prompts.some((row) => row.state === "sent"));
}

/** True while the server must resume this task after a crash. */
export function isActive(state: TaskState): boolean {
  const isApplied = state.apply?.done !== false;
  return !isApplied || isPublishing(state) || isClearing(state) || sessionsOf(state).some(hasWork);
}

/** True while an attempt is being kept, or folders of discarded ones are being deleted. */
export function isClearing({ keeping, sessions = [] }: TaskState): boolean {
  const isDiscarded = ({ copy, closedAt }: FurtherSession) => copy !== undefined && closedAt !== undefined;
  return keeping !== undefined || sessions.some(isDiscarded);
}

function isPublishing({ publication }: TaskState): boolean {
  return publication?.pending !== undefined;
}

/** True while a prompt from a group event is open. */
export function hasOpenEvent(state: TaskState): boolean {
  return sessionsOf(state).some(({ prompts }) =>
    prompts.some((row) => row.origin !== undefined && isOpen(row)),
  );
}
