import { isHoldfastError } from "@holdfast/core";
import {
  hashKey,
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import { refetchActive } from "../../refetch-active.ts";
import { actors, inspect } from "./actors.ts";
import type { LiveChange } from "./live.ts";
import type {
  ActorAddress,
  ActorFilter,
  DatabaseRow,
  InspectedActor,
  QueueView,
  SchedulesView,
  WorkflowView,
} from "./types.ts";

const actorsPerPage = 50;
const entriesPerPage = 50;

/** Errors of the server are final; only requests without a response are retried. */
const shared = {
  retry: (failures: number, error: Error) =>
    failures < 2 && isHoldfastError(error) && error.group === "client",
} as const;

/** The live feed keeps it up to date, so it never becomes stale. */
const pushed = { ...shared, staleTime: Number.POSITIVE_INFINITY } as const;

export function actorListQuery(filter: ActorFilter) {
  return infiniteQueryOptions({
    ...shared,
    queryKey: ["actors", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => actors.list(filter, actorsPerPage, pageParam),
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    staleTime: 0,
    // New and destroyed actors are not pushed: the list is polled while it is shown.
    refetchInterval: 5_000,
  });
}

export function actorCountQuery(filter: ActorFilter) {
  return queryOptions({
    ...shared,
    queryKey: ["actors", filter, "count"],
    queryFn: () => actors.count(filter),
    placeholderData: keepPreviousData,
    staleTime: 0,
    refetchInterval: 5_000,
  });
}

export function actorNamesQuery() {
  return queryOptions({
    ...shared,
    queryKey: ["actor-names"],
    queryFn: () => actors.names(),
    staleTime: 60_000,
  });
}

export function actorKey(address: ActorAddress): readonly string[] {
  return ["actor", address.name, address.id];
}

/** Summary of an actor. */
export function summaryQuery(address: ActorAddress) {
  return queryOptions({
    ...pushed,
    queryKey: [...actorKey(address), "summary"],
    queryFn: () => inspect(address).summary(),
  });
}

export function queueQuery(address: ActorAddress) {
  return queryOptions({
    ...pushed,
    queryKey: [...actorKey(address), "queue"],
    queryFn: () => inspect(address).queue(),
  });
}

export function deadLettersQuery(address: ActorAddress) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "dead-letters"],
    queryFn: () => inspect(address).deadLetters(),
  });
}

export function schedulesQuery(address: ActorAddress) {
  return queryOptions({
    ...pushed,
    queryKey: [...actorKey(address), "schedules"],
    queryFn: () => inspect(address).schedules(),
  });
}

export function scheduleHistoryQuery(address: ActorAddress, name: string) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "schedule-history", name],
    queryFn: () => inspect(address).scheduleHistory(name),
    staleTime: 0,
  });
}

export function workflowQuery(address: ActorAddress) {
  return queryOptions({
    ...pushed,
    queryKey: [...actorKey(address), "workflow"],
    queryFn: () => inspect(address).workflow(),
  });
}

export function tablesQuery(address: ActorAddress) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "database", "tables"],
    queryFn: () => inspect(address).tables(),
    staleTime: 0,
  });
}

export const rowsPerPage = 50;

export function rowsQuery(address: ActorAddress, table: string, page: number) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "database", "rows", table, page],
    queryFn: () => inspect(address).rows(table, rowsPerPage, page * rowsPerPage),
    // Without this, rows of the previous table would appear below the columns of this one.
    placeholderData: (known: readonly DatabaseRow[] | undefined, query) =>
      query?.queryKey.at(-2) === table ? known : undefined,
    staleTime: 0,
    enabled: table !== "",
  });
}

export function kvQuery(address: ActorAddress, prefix: string) {
  return infiniteQueryOptions({
    ...shared,
    queryKey: [...actorKey(address), "kv", prefix],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => inspect(address).kv(prefix, entriesPerPage, pageParam),
    getNextPageParam: (page) => page.cursor,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

export function logsQuery(address: ActorAddress) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "logs"],
    queryFn: () => inspect(address).logs(),
    staleTime: 0,
  });
}

/** Requested on demand: polling would keep the actor awake. */
export function tracesQuery(address: ActorAddress) {
  return queryOptions({
    ...shared,
    queryKey: [...actorKey(address), "traces"],
    queryFn: () => inspect(address).traces(),
    staleTime: 0,
  });
}

/** Stores pushed data. A running request may return older data, so it is repeated. */
function storePushed<Data>(
  queries: QueryClient,
  queryKey: readonly string[],
  update: (known: Data) => Data,
): void {
  const known = queries.setQueryData<Data>(queryKey, (before) => before && update(before));
  if (queries.isFetching({ queryKey }) === 0) return;
  if (known === undefined) void refetchAfter(queries, queryKey);
  else void refetchActive(queries, queryKey);
}

/** Queries to repeat as soon as their running request has finished. */
const queuedRefetches = new WeakMap<QueryClient, Set<string>>();

/**
 * Refetches data that a push reported as changed. A running request finishes first: pushes may come faster than
 * responses, and cancelling each would mean that none ever completes.
 */
async function refetchAfter(queries: QueryClient, queryKey: readonly string[]): Promise<void> {
  if (queries.isFetching({ queryKey }) > 0) {
    const keys = queuedRefetches.get(queries) ?? new Set();
    queuedRefetches.set(queries, keys);
    const hash = hashKey(queryKey);
    if (keys.has(hash)) return;
    keys.add(hash);
    await queries.refetchQueries({ queryKey, fetchStatus: "fetching" }, { cancelRefetch: false });
    keys.delete(hash);
  }
  await queries.invalidateQueries({ queryKey });
}

/** Applies changes of the live feed, so that every view is updated. */
export function mergeChange(queries: QueryClient, address: ActorAddress, change: LiveChange): void {
  const key = actorKey(address);
  const summary = (patch: Partial<InspectedActor>) =>
    queries.setQueryData<InspectedActor>([...key, "summary"], (known) => known && { ...known, ...patch });
  switch (change.type) {
    case "init":
      summary(change.summary);
      // Changes were missed while the feed was closed. The summary has just arrived.
      void queries.invalidateQueries({
        queryKey: key,
        predicate: (query) => query.queryKey[3] !== "summary",
      });
      return;
    case "state":
      summary({ state: change.state });
      return;
    case "connections":
      summary({ connections: change.connections });
      return;
    case "queue": {
      const { queueSize: size, messages } = change;
      summary({ queueSize: size });
      storePushed<QueueView>(queries, [...key, "queue"], (known) => ({
        ...known,
        size,
        messages,
        truncated: size > messages.length,
      }));
      void refetchAfter(queries, [...key, "dead-letters"]);
      return;
    }
    case "workflow": {
      const { workflowState, history } = change;
      storePushed<WorkflowView>(queries, [...key, "workflow"], (known) => ({
        ...known,
        workflowState,
        history,
      }));
      // Output and error come with the end of the workflow, and are not pushed.
      if (workflowState !== "running" && workflowState !== "sleeping") {
        void refetchAfter(queries, [...key, "workflow"]);
      }
      return;
    }
    case "schedules": {
      const { schedules, deadLetters } = change;
      storePushed<SchedulesView>(queries, [...key, "schedules"], () => ({ schedules, deadLetters }));
      void refetchAfter(queries, [...key, "schedule-history"]);
      return;
    }
    case "kv":
    case "database":
      void refetchAfter(queries, [...key, change.type]);
      return;
  }
}

/** A mutation that refetches the data that it may have changed. */
export function useActorMutation<Input, Output>(
  address: ActorAddress,
  change: (input: Input) => Promise<Output>,
  ...touched: readonly string[]
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: async () => {
      await Promise.all(touched.map((part) => refetchActive(queries, [...actorKey(address), part])));
    },
  });
}
