import { HoldfastError } from "@holdfast/core";
import type { AttemptStorage } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { hasWork } from "../task-activity.ts";
import { copyOf, type FurtherSession, type TaskSession, type TaskState } from "../task-state.ts";
import { attemptsOf, findOpenSession, nameOf, openSessions } from "./find.ts";

export type AttemptsHost = Pick<BackendHost, "ports" | "closeSession" | "copies">;

interface AttemptsContext {
  readonly state: TaskState;
}

/** What each attempt takes on disk, by session. */
export async function attemptSizes(
  host: AttemptsHost,
  { state }: AttemptsContext,
): Promise<Readonly<Record<string, AttemptStorage>>> {
  const sizes = attemptsOf(state).map(
    async (session) => [session.sessionId, await host.copies.size(state.id, copyOf(session))] as const,
  );
  return Object.fromEntries(await Promise.all(sizes));
}

/**
 * Notes that an attempt is being kept, and closes the others. Returns those that still work, which the caller stops.
 * Throws `task.session_not_found`, `task.session_closed`, `task.session_busy`, `task.no_attempts`.
 */
export function beginKeeping(
  host: AttemptsHost,
  state: TaskState,
  sessionId: string,
): readonly TaskSession[] {
  const kept = findOpenSession(state, sessionId);
  if (attemptsOf(state).length < 2) {
    const message = "The task has no attempts to choose from: all of its sessions work in one workspace.";
    throw new HoldfastError("task", "no_attempts", message, { statusCode: 409 });
  }
  const copy = copyOf(kept);
  const staying = openSessions(state).filter((session) => copyOf(session) === copy);
  const busy = staying.find(hasWork);
  if (busy !== undefined) {
    const message = `The agent of ${nameOf(busy)} is working. Wait until its turn has ended, or stop it.`;
    throw new HoldfastError("task", "session_busy", message, { statusCode: 409 });
  }
  const discarded = openSessions(state).filter((session) => copyOf(session) !== copy);
  state.keeping = sessionId;
  for (const session of discarded) session.closedAt = host.ports.clock.now();
  return discarded.filter(hasWork);
}

/**
 * Deletes the folders of discarded attempts, and gives the task the files of the one that is kept. Their sessions are
 * closed and at rest. Each step can be interrupted, and is repeated by the next start. Returns what was freed.
 */
export async function clearAttempts(host: AttemptsHost, c: AttemptsContext): Promise<AttemptStorage> {
  const { state } = c;
  const { id } = state;
  const kept = state.sessions?.find(({ sessionId }) => sessionId === state.keeping);
  const keptCopy = kept?.copy;
  const discarded = (state.sessions ?? []).filter(isDiscarded);
  const freed: AttemptStorage[] = [];
  for (const { sessionId, copy } of discarded) {
    await host.closeSession(id, sessionId);
    if (copy === undefined) continue;
    freed.push(await host.copies.size(id, copy));
    await host.copies.remove(id, copy);
  }
  if (kept !== undefined && keptCopy !== undefined) {
    freed.push(await host.copies.size(id));
    // No agent may be in a folder that moves, nor in the one that it replaces.
    for (const session of [state, ...(state.sessions ?? [])])
      if (session === kept || copyOf(session) === undefined) await host.closeSession(id, session.sessionId);
    await host.copies.keep(id, keptCopy);
    state.taintedAs = keptCopy;
    kept.copy = undefined;
  }
  for (const session of discarded) session.copy = undefined;
  state.keeping = undefined;
  return {
    bytes: freed.reduce((sum, { bytes }) => sum + bytes, 0),
    isComplete: freed.every(({ isComplete }) => isComplete),
  };
}

function isDiscarded({ copy, closedAt }: FurtherSession): boolean {
  return copy !== undefined && closedAt !== undefined;
}
