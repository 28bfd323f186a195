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
import { isLost } from "./errors.ts";
import { keepNewerTasks, keepNewerView, putTask, type TaskPage, type TaskPages } from "./newer.ts";
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

/** Agents are installed and given keys in a terminal: who comes back from there sees it. */
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
    // The header asks too: what it was told before the screen came may be old by then.
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
  // Read again whenever it comes into view: what changed meanwhile came in no event.
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
    // What is wrong with it is mended in a terminal.
    refetchOnWindowFocus: "always",
  });
}

/** `onCreated` is called even when the form is gone by then, as a list that is no longer empty may do. */
export function useCreateTask(onCreated: (task: TaskSummary) => void) {
  const api = useApi();
  const queries = useQueryClient();
  const attempt = useAttempt();
  return useMutation({
    mutationFn: (input: CreateTaskInput) => api.createTask(input, attempt.idFor(JSON.stringify(input))),
    onError(error) {
      if (!isLost(error)) attempt.arrived();
    },
    onSuccess(task) {
      attempt.arrived();
      mergeTask(queries, task);
      onCreated(task);
    },
  });
}

/**
 * Reads again what is shown. What is on its way is dropped first: it may have been answered before what
 * makes it old happened, and TanStack Query takes a first answer that is on its way for a fresh one.
 */
export async function readAgain(queries: QueryClient, queryKey: readonly string[] = []): Promise<void> {
  await queries.cancelQueries({ queryKey });
  await queries.invalidateQueries({ queryKey });
}

/** Takes a changed task into the list: in place when it is there, else on top. */
export function mergeTask(queries: QueryClient, task: TaskSummary): void {
  queries.setQueryData<TaskPages>(["tasks"], (data) => data && putTask(data, task));
}

/** Takes a view in that came as an event. */
export function mergeView(queries: QueryClient, view: TaskView): void {
  queries.setQueryData<TaskView>(["task", view.id], view);
}
