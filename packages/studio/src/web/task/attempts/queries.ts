/** Attempts of a task at the same prompt: compared side by side, until one of them is kept. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { TaskSessionView, TaskView } from "../../../contract.ts";
import type { StudioApi } from "../../shared/port.ts";
import { openSessions } from "../sessions/session-view.ts";

/** The attempts: the first session in the task's workspace, and those with a copy of their own. */
export function attemptsOf(task: TaskView): readonly TaskSessionView[] {
  const open = openSessions(task);
  const copies = open.filter(({ isCopy }) => isCopy === true);
  return copies.length === 0 ? [] : [...open.filter(({ isCopy }) => isCopy !== true).slice(0, 1), ...copies];
}

/** The changes of an attempt, read again whenever it comes to rest. */
export function attemptDiffQuery(api: StudioApi, taskId: string, { id, status, endedAt }: TaskSessionView) {
  return queryOptions({
    queryKey: ["attempt-diff", taskId, id, status, endedAt],
    queryFn: () => api.task(taskId).attemptDiff(id),
    enabled: status !== "preparing",
    placeholderData: keepPreviousData,
  });
}

/** The checks of each attempt. Their changes come as events. */
export function attemptChecksQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["attempt-checks", taskId],
    queryFn: () => api.task(taskId).attemptChecks(),
  });
}

export function attemptStorageQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["attempt-storage", taskId],
    queryFn: () => api.task(taskId).attemptStorage(),
    gcTime: 0,
    staleTime: 0,
  });
}
