import { useAttempt } from "@holdfast/web-parts/attempt";
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { CreateTaskInput, TaskSummary } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { isResponseLost } from "../shared/errors.ts";
import { keepNewerTasks, type TaskPage, type TaskPages } from "../shared/newer.ts";
import type { StudioApi } from "../shared/port.ts";
import { mergeTask } from "../shared/queries.ts";

const tasksPerPage = 50;

export function tasksQuery(api: StudioApi) {
  return infiniteQueryOptions({
    queryKey: ["tasks"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }): Promise<TaskPage> =>
      api.organization.listTasks({
        limit: tasksPerPage,
        ...(pageParam === undefined ? {} : { cursor: pageParam }),
      }),
    getNextPageParam: (page: TaskPage) => page.cursor,
    structuralSharing: (known, next) => keepNewerTasks(known as TaskPages | undefined, next as TaskPages),
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
      onCreated(task);
    },
  });
}
