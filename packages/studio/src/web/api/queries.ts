import { useAttempt } from "@holdfast/web-parts/attempt";
import {
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import type { CreateTaskInput, TaskSummary, TaskView } from "../../contract.ts";
import { useApi } from "./context.ts";
import { isResponseLost } from "./errors.ts";
import { keepNewerTasks, keepNewerView, type TaskPage, type TaskPages, upsertTask } from "./newer.ts";
import type { StudioApi } from "./port.ts";

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

/** Agents are installed and given keys in a terminal: refetched when the user returns from there. */
export function agentsQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["agents"],
    queryFn: () => api.organization.listAgents(),
    refetchOnWindowFocus: "always",
  });
}

export function systemQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["system"],
    queryFn: () => api.organization.system(),
    // The header uses it too, so its data may be old when the screen opens.
    staleTime: 0,
    refetchOnWindowFocus: "always",
    refetchInterval: 15_000,
  });
}

export function taskQuery(api: StudioApi, id: string) {
  return queryOptions({
    queryKey: ["task", id],
    queryFn: () => api.task(id).get(),
    structuralSharing: (known, next) => keepNewerView(known as TaskView | undefined, next as TaskView),
  });
}

export function diffQuery(api: StudioApi, id: string) {
  // Refetched whenever it is shown: no event reports changes.
  return queryOptions({ queryKey: ["diff", id], queryFn: () => api.task(id).diff(), staleTime: 0 });
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

/**
 * Refetches active queries. Running requests are cancelled first: their response may predate the change, and TanStack
 * Query would take the first response for a fresh one.
 */
export async function refetchActive(queries: QueryClient, queryKey: readonly string[] = []): Promise<void> {
  await queries.cancelQueries({ queryKey });
  await queries.invalidateQueries({ queryKey });
}

/** Adds a changed task to the list, or replaces it. */
export function mergeTask(queries: QueryClient, task: TaskSummary): void {
  queries.setQueryData<TaskPages>(["tasks"], (data) => data && upsertTask(data, task));
}

/** Stores a view that came with an event. */
export function mergeView(queries: QueryClient, view: TaskView): void {
  queries.setQueryData<TaskView>(["task", view.id], view);
}
