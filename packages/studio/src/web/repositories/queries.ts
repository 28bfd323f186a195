import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { PullRequestView } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { mergeRepository } from "../shared/new-task/repositories.ts";
import { useProfile } from "../shared/people.ts";
import type { StudioApi } from "../shared/port.ts";

const pullsPerPage = 50;
const keyOf = (id: string) => ["repository", "connected", id] as const;

/** Whether this person connects and removes repositories. */
export function useMayManage(): boolean {
  const profile = useProfile();
  if (profile === undefined || profile.isOperator) return true;
  return profile.organizations.some(({ role }) => role === "admin" || role === "owner");
}

export function connectedQuery(api: StudioApi, id: string) {
  return queryOptions({ queryKey: keyOf(id), queryFn: () => api.repository(id).get(), retry: false });
}

/** Open pull requests, the latest first. */
export function pullsQuery(api: StudioApi, id: string) {
  return infiniteQueryOptions({
    queryKey: [...keyOf(id), "pulls"],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) =>
      api.repository(id).pullRequests({
        ...{ state: "open", limit: pullsPerPage },
        ...(pageParam === undefined ? {} : { before: pageParam }),
      }),
    getNextPageParam: (page: readonly PullRequestView[]) =>
      page.length < pullsPerPage ? undefined : page.at(-1)?.number,
  });
}

/** Keeps a repository live while its page is shown. */
export function useRepositoryLive(id: string): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(
    () =>
      api.watchRepository(id, {
        on: {
          changed(summary) {
            mergeRepository(queries, summary);
            void refetchActive(queries, keyOf(id));
          },
        },
        onState(next) {
          if (next === "online") void refetchActive(queries, keyOf(id));
        },
      }),
    [api, queries, id],
  );
}

export function useSync(id: string) {
  const api = useApi();
  return useMutation({ mutationFn: () => api.repository(id).sync() });
}

export function useCancelFetch(id: string) {
  const api = useApi();
  return useMutation({ mutationFn: () => api.repository(id).cancelFetch() });
}

export function useCheck(id: string) {
  const api = useApi();
  return useMutation({ mutationFn: () => api.repository(id).check() });
}

/** The address of this page is the one that the forge is told. */
export function useSetUpWebhook(id: string) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => api.repository(id).setUpWebhook(location.origin),
    onSettled: () => queries.invalidateQueries({ queryKey: keyOf(id) }),
  });
}
