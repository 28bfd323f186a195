import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect } from "react";
import type { InboxCounts, InboxEntry, InboxPage, InboxPatch, InboxView } from "../../contract.ts";
import { useApi } from "./context.ts";
import type { StudioApi } from "./port.ts";
import { refetchActive } from "./queries.ts";

export type InboxPages = InfiniteData<InboxPage, string | undefined>;

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

/** The pages of a view after a patch. Entries beyond the last loaded page come with the next one. */
export function applyPatch(data: InboxPages, view: InboxView, { entries, removed }: InboxPatch): InboxPages {
  const gone = new Set([...removed, ...entries.map(({ id }) => id)]);
  const last = data.pages.at(-1);
  const end = last?.cursor === undefined ? undefined : last.entries.at(-1);
  const added = entries.filter((entry) => isIn(view, entry) && (end === undefined || isBefore(entry, end)));
  const pages = data.pages.map((page, index) => {
    const kept = page.entries.filter(({ id }) => !gone.has(id));
    return { ...page, entries: index === 0 ? [...added, ...kept] : kept };
  });
  const sorted = pages.flatMap((page) => page.entries).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  let from = 0;
  return {
    ...data,
    pages: pages.map((page, index) => {
      const to = index === pages.length - 1 ? sorted.length : from + page.entries.length;
      const part = sorted.slice(from, to);
      from = to;
      return { ...page, entries: part };
    }),
  };
}

function isIn(view: InboxView, { doneAt, snoozedUntil }: InboxEntry): boolean {
  if (view === "done") return doneAt !== undefined;
  return doneAt === undefined && (view === "snoozed") === (snoozedUntil !== undefined);
}

/** The order of the pages. */
function isBefore(a: InboxEntry, b: InboxEntry): boolean {
  return a.bumpedAt > b.bumpedAt || (a.bumpedAt === b.bumpedAt && a.id > b.id);
}
