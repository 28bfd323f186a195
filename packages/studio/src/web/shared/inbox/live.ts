import { refetchActive } from "@holdfast/web-parts/refetch-active";
import {
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect } from "react";
import type { InboxCounts, InboxPage, InboxPatch, InboxView } from "../../../contract.ts";
import { useApi } from "../context.ts";
import type { StudioApi } from "../port.ts";
import { applyPatch, type InboxPages } from "./pages.ts";

const pageSize = 100;

/** Whoever uses this browser. */
export function meQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["me"],
    queryFn: () => api.organization.me(),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Counts of the inbox, and the revision that they belong to. */
export function inboxCountsQuery(api: StudioApi, person: string) {
  return queryOptions({
    queryKey: ["inbox", person, "counts"],
    queryFn: async (): Promise<CountsAt> => {
      const { counts, revision } = await api.inbox(person).list({ limit: 1 });
      return { counts, revision };
    },
  });
}

interface CountsAt {
  readonly counts: InboxCounts;
  readonly revision: number;
}

export function inboxQuery(api: StudioApi, person: string, view: InboxView) {
  return infiniteQueryOptions({
    queryKey: ["inbox", person, "list", view],
    queryFn: ({ pageParam }) =>
      api
        .inbox(person)
        .list({ view, limit: pageSize, ...(pageParam === undefined ? {} : { cursor: pageParam }) }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: InboxPage) => page.cursor,
  });
}

/** Keeps the inbox of this person live, and returns its counts. Mounted once. */
export function useInboxLive(): InboxCounts | undefined {
  const api = useApi();
  const queries = useQueryClient();
  const { data: me } = useQuery(meQuery(api));
  const person = me?.id ?? "";
  const { data } = useQuery({ ...inboxCountsQuery(api, person), enabled: me !== undefined });
  useEffect(() => {
    if (person === "") return;
    return api.watchInbox(person, {
      on: { changed: (patch) => mergePatch(queries, person, patch) },
      onState(next) {
        // Events were missed while the connection was down.
        if (next === "online") void refetchActive(queries, ["inbox", person]);
      },
    });
  }, [api, queries, person]);
  return data?.counts;
}

/** Takes a patch into all that is shown of the inbox; reads it again if a patch was missed. */
function mergePatch(queries: QueryClient, person: string, patch: InboxPatch): void {
  const key = ["inbox", person, "counts"];
  const known = queries.getQueryData<CountsAt>(key);
  if (known !== undefined && patch.revision <= known.revision) return;
  if (known === undefined || patch.revision > known.revision + 1) {
    void refetchActive(queries, ["inbox", person]);
    return;
  }
  queries.setQueryData<CountsAt>(key, { counts: patch.counts, revision: patch.revision });
  for (const view of ["open", "snoozed", "done"] as const)
    queries.setQueryData<InboxPages>(
      ["inbox", person, "list", view],
      (data) => data && applyPatch(data, view, patch),
    );
}
