import { useAttempt } from "@holdfast/web-parts/attempt";
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  replaceEqualDeep,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import type { CreateTaskInput, TaskFilter, TaskPage, TaskQuery, TaskSummary } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { isResponseLost } from "../shared/errors.ts";
import type { StudioApi } from "../shared/port.ts";
import { mergeTask, taskListKey, viewsKey } from "../shared/queries.ts";
import { requireDone } from "../shared/task-list/outcomes.ts";
import { keepNewerTasks, type TaskPages } from "../shared/task-list/task-pages.ts";

const tasksPerPage = 100;

export function tasksQuery(api: StudioApi, query: TaskQuery) {
  return infiniteQueryOptions({
    queryKey: taskListKey(query),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }): Promise<TaskPage> =>
      api.organization.listTasks({
        ...query,
        limit: tasksPerPage,
        ...(pageParam === undefined ? {} : { cursor: pageParam }),
      }),
    getNextPageParam: (page: TaskPage) => page.cursor,
    // The same list stays the same object: a placeholder goes through here at each render.
    structuralSharing: (known, next) =>
      replaceEqualDeep(known, keepNewerTasks(known as TaskPages | undefined, next as TaskPages)),
    // While somebody types, the list of the words before stays.
    placeholderData: keepPreviousData,
  });
}

export function taskCountsQuery(api: StudioApi, filter: TaskFilter) {
  return queryOptions({
    queryKey: ["task-counts", filter],
    queryFn: () => api.organization.countTasks(filter),
    placeholderData: keepPreviousData,
  });
}

export function viewsQuery(api: StudioApi) {
  return queryOptions({ queryKey: viewsKey, queryFn: () => api.organization.listViews() });
}

export function taskStorageQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["task-storage", taskId],
    queryFn: () => api.organization.taskStorage(taskId),
    gcTime: 0,
    staleTime: 0,
  });
}

export function repositoryQuery(api: StudioApi, path: string) {
  return queryOptions({
    queryKey: ["repository", path],
    queryFn: () => api.organization.checkRepository(path),
    enabled: path !== "",
    retry: false,
    gcTime: 0,
    staleTime: 2_000,
    // Problems are fixed in a terminal.
    refetchOnWindowFocus: "always",
  });
}

/** Branches of a connected repository, by name. */
export function branchesQuery(api: StudioApi, id: string) {
  return queryOptions({
    queryKey: ["repository", "branches", id],
    queryFn: () => api.repository(id).branches(),
  });
}

/**
 * Archives, restores, marks or deletes a task. The list follows by the events of the server; an outcome that was refused
 * is an error of the mutation.
 */
export function useTaskAction(action: "archive" | "restore" | "read" | "unread") {
  const { organization } = useApi();
  return useMutation({
    async mutationFn(taskId: string) {
      if (action === "read" || action === "unread") return organization.markTasks([taskId], action);
      const outcomes = await (action === "archive"
        ? organization.archiveTasks([taskId])
        : organization.restoreTasks([taskId]));
      requireDone(outcomes);
    },
  });
}

/** Begins the keys of open pull requests and issues without a task. */
export const forgeItemsKey = "forge-items";

/** `onCreated` is called even if the form has been unmounted, as happens when the list is no longer empty. */
export function useCreateTask(onCreated: (task: TaskSummary) => void) {
  const api = useApi();
  const queries = useQueryClient();
  const attempt = useAttempt();
  return useMutation({
    mutationFn: (input: CreateTaskInput) => api.createTask(input, attempt.idFor(JSON.stringify(input))),
    onError(error) {
      if (!isResponseLost(error)) attempt.arrived();
    },
    onSuccess(task) {
      attempt.arrived();
      mergeTask(queries, task);
      // What it was started on waits no longer.
      void queries.invalidateQueries({ queryKey: [forgeItemsKey] });
      onCreated(task);
    },
  });
}
