import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { TaskSummary, TaskView } from "../../contract.ts";
import { keepNewerView, type TaskPages, upsertTask } from "./newer.ts";
import type { StudioApi } from "./port.ts";

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
