import type { TaskSessionView, TaskView } from "../../contract.ts";
import { isBusy } from "../../task-status.ts";

type Ending = Pick<TaskSessionView, "id" | "status" | "endedAt" | "approvals">;

/**
 * Changes with the status of a task and whenever a turn ends. The status alone is no sign of that: a turn that is
 * short, or that ended while the connection was down, leaves the status that was there before.
 */
export function turnKey({ status, sessions }: Pick<TaskView, "status" | "sessions">): string {
  return [status, ...sessions.map(({ id, endedAt = 0 }) => `${id} ${endedAt}`)].join();
}

/** Where agents have stopped: each session's last end of a turn, the status in which it rests, and what it asks. */
export function stopsOf(sessions: readonly Ending[]): ReadonlySet<string> {
  const stops = new Set<string>();
  for (const { id, status, endedAt, approvals } of sessions) {
    if (endedAt !== undefined) stops.add(`${id} ended ${endedAt}`);
    if (!isBusy(status)) stops.add(`${id} ${status}`);
    if (status === "waiting") stops.add(`${id} waiting ${approvals.at(-1)?.id ?? ""}`);
  }
  return stops;
}
