import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { AuditPageQuery } from "../../contract/administration.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";
import type { AuditSearch } from "./audit-search.ts";

const retry = false;

export function connectionsQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["administration", "connections"],
    queryFn: () => api.administration.connections(),
    // Keys are set in a terminal too.
    refetchOnWindowFocus: "always",
    retry,
  });
}

export function secretsQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["administration", "secrets"],
    queryFn: () => api.administration.secrets(),
    refetchOnWindowFocus: "always",
    retry,
  });
}

export function signInQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["administration", "sign-in"],
    queryFn: () => api.administration.signIn(),
    // It is changed on the command line too.
    refetchOnWindowFocus: "always",
    retry,
  });
}

export function policyQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["administration", "policy"],
    queryFn: () => api.administration.policy(),
    retry,
  });
}

export function acceptedRulesQuery(api: StudioApi) {
  return queryOptions({
    queryKey: ["administration", "accepted-rules"],
    queryFn: () => api.administration.acceptedRules(),
    // They are added by answers to approvals.
    refetchOnWindowFocus: "always",
    retry,
  });
}

/** The filter of a page of the log, in the time of the browser. */
export function filterOf({ since, until, ...search }: AuditSearch): AuditPageQuery {
  return {
    ...search,
    ...(since === undefined ? {} : { since: new Date(`${since}T00:00:00`).getTime() }),
    ...(until === undefined ? {} : { until: new Date(`${until}T23:59:59.999`).getTime() }),
  };
}

export function auditQuery(api: StudioApi, search: AuditSearch) {
  return infiniteQueryOptions({
    queryKey: ["administration", "audit", search],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) =>
      api.administration.audit({
        ...filterOf(search),
        ...(pageParam === undefined ? {} : { cursor: pageParam }),
      }),
    getNextPageParam: ({ cursor }) => cursor,
    retry,
  });
}

/** Changes something, and reads the settings again. */
export function useSettingsChange<Input>(change: (api: StudioApi, input: Input) => Promise<void>) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => change(api, input),
    onSettled: () => refetchActive(queries, ["administration"]),
  });
}
