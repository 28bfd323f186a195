import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type {
  CheckOutput,
  ChecksChange,
  ChecksView,
  PublicationChange,
  PublicationView,
  ReviewChange,
  ReviewView,
  TaskQuery,
  TaskSummary,
  TaskView,
} from "../../contract.ts";
import type { StudioApi } from "./port.ts";
import { withCheckOutput, withChecksChange } from "./review/check-changes.ts";
import { applyReviewChange } from "./review/review-changes.ts";
import { addSeen, keepNewerView, removeTask, type TaskPages, upsertTask } from "./task-list/task-pages.ts";

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

/** Key of the list of a query. */
export function taskListKey(query: TaskQuery) {
  return ["tasks", query] as const;
}

/** Key of the views that this person has saved. */
export const viewsKey = ["views"] as const;

/** Key of when this person has last read each session of a task. */
export function seenSessionsKey(taskId: string) {
  return ["seen-sessions", taskId] as const;
}

/** When a task last needed a person. Set by its changes alone. */
export function attentionQuery(taskId: string) {
  return queryOptions({ queryKey: ["attention", taskId], queryFn: () => 0, enabled: false });
}

/** Takes a changed task into every list that is or was shown. */
export function mergeTask(queries: QueryClient, task: TaskSummary): void {
  changeLists(queries, (list, query) => upsertTask(list, task, query));
  queries.setQueryData(attentionQuery(task.id).queryKey, task.attentionAt ?? 0);
}

/** Removes a deleted task from every list. */
export function dropTask(queries: QueryClient, taskId: string): void {
  changeLists(queries, (list) => removeTask(list, taskId));
}

/** Takes new marks of what this person has seen into every list. */
export function mergeSeen(queries: QueryClient, seen: Readonly<Record<string, number>>): void {
  changeLists(queries, (list) => addSeen(list, seen));
}

function changeLists(queries: QueryClient, change: (list: TaskPages, query: TaskQuery) => TaskPages): void {
  for (const { queryKey } of queries.getQueryCache().findAll({ queryKey: ["tasks"] })) {
    const query = queryKey[1] as TaskQuery;
    queries.setQueryData<TaskPages>(queryKey, (data) => data && change(data, query));
  }
}

/** Stores a view that came with an event. */
export function mergeView(queries: QueryClient, view: TaskView): void {
  queries.setQueryData<TaskView>(["task", view.id], view);
}

/** Applies a change of a review that is shown; reads it again if an event was missed. */
export function mergeReview(queries: QueryClient, taskId: string, change: ReviewChange): void {
  mergeInto(queries, ["review", taskId], (known: ReviewView) => applyReviewChange(known, change));
}

/** Applies a change of the checks that are shown; reads them again if an event was missed. */
export function mergeChecks(queries: QueryClient, taskId: string, change: ChecksChange): void {
  mergeInto(queries, ["checks", taskId], (known: ChecksView) => withChecksChange(known, change));
}

export function mergeCheckOutput(queries: QueryClient, taskId: string, output: CheckOutput): void {
  mergeInto(queries, ["checks", taskId], (known: ChecksView) => withCheckOutput(known, output));
}

/** Changes what is known; if that is not possible, reads it again. */
function mergeInto<Data>(
  queries: QueryClient,
  queryKey: readonly string[],
  change: (known: Data) => Data | undefined,
): void {
  const known = queries.getQueryData<Data>(queryKey);
  const next = known === undefined ? undefined : change(known);
  if (next === undefined) void refetchActive(queries, queryKey);
  else queries.setQueryData<Data>(queryKey, next);
}

/** The newer of two views of a publication: an answer may be older than an event. */
export function keepNewerPublication(
  known: PublicationView | undefined,
  next: PublicationView,
): PublicationView {
  return known === undefined || known.revision <= next.revision ? next : known;
}

/** Takes over a change of a publication that is shown. */
export function mergePublication(queries: QueryClient, taskId: string, change: PublicationChange): void {
  queries.setQueryData<PublicationView>(["publication", taskId], (known) => {
    if (known === undefined) return known;
    const { target, problem, proposal } = known;
    const next = { target, proposal, ...(problem === undefined ? {} : { problem }), ...change };
    return keepNewerPublication(known, next);
  });
}
