import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import type { CreateTaskInput, TaskSummary, TaskView } from "../../contract.ts";
import { useApi } from "./context.ts";
import type { StudioApi } from "./port.ts";

interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  readonly cursor?: string;
}

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
  });
}

export function agentsQuery(api: StudioApi) {
  return queryOptions({ queryKey: ["agents"], queryFn: () => api.organization.listAgents() });
}

export function systemQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["system"],
    queryFn: () => api.organization.system(),
    refetchInterval: 15_000,
  });
}

export function taskQuery(api: StudioApi, id: string) {
  return queryOptions({ queryKey: ["task", id], queryFn: () => api.task(id).get() });
}

export function diffQuery(api: StudioApi, id: string) {
  return queryOptions({ queryKey: ["diff", id], queryFn: () => api.task(id).diff(), staleTime: Infinity });
}

export function repositoryQuery(api: StudioApi, path: string) {
  return queryOptions({
    queryKey: ["repository", path],
    queryFn: () => api.organization.checkRepository(path),
    enabled: path !== "",
    retry: false,
    gcTime: 0,
    staleTime: 2_000,
  });
}

/** `onCreated` is called even when the form is gone by then, as a list that is no longer empty may do. */
export function useCreateTask(onCreated: (task: TaskSummary) => void) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: CreateTaskInput) => api.organization.createTask(input),
    onSuccess(task) {
      mergeTask(queries, task);
      onCreated(task);
    },
  });
}

/** Puts a changed task into the list: in place when it is there, else on top. Older news are dropped. */
export function mergeTask(queries: QueryClient, task: TaskSummary): void {
  queries.setQueryData<InfiniteData<TaskPage>>(["tasks"], (data) => {
    if (data === undefined) return undefined;
    let found = false;
    const pages = data.pages.map((page) => ({
      ...page,
      tasks: page.tasks.map((known) => {
        if (known.id !== task.id) return known;
        found = true;
        return known.updatedAt > task.updatedAt ? known : task;
      }),
    }));
    const first = pages[0];
    if (!found && first !== undefined) pages[0] = { ...first, tasks: [task, ...first.tasks] };
    return { ...data, pages };
  });
}

/** Keeps the newer of two views, whichever way they came. */
export function mergeView(queries: QueryClient, view: TaskView): void {
  queries.setQueryData<TaskView>(["task", view.id], (known) =>
    known !== undefined && known.revision > view.revision ? known : view,
  );
}
