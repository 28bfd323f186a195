import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { RepositoryEnvironment } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";
import { withChange, withOutput } from "./merge.ts";

const keyOf = (path: string) => ["environment", path] as const;

/** What the last commit of a repository asks for, and its newest preparation. */
export function environmentQuery(api: StudioApi, path: string) {
  return queryOptions({
    queryKey: keyOf(path),
    queryFn: () => api.organization.environment(path),
    enabled: path !== "",
    retry: false,
    staleTime: 2_000,
    // Commits are made in a terminal.
    refetchOnWindowFocus: "always",
  });
}

/** Keeps a preparation live while a component shows it. `id` is undefined before the first one, which creates the actor. */
export function useEnvironmentLive(path: string, id: string | undefined): void {
  const api = useApi();
  const queries = useQueryClient();
  useEffect(() => {
    if (id === undefined) return;
    const refetch = () => void refetchActive(queries, keyOf(path));
    const merge = (change: (known: RepositoryEnvironment) => RepositoryEnvironment | undefined) => {
      const known = queries.getQueryData<RepositoryEnvironment>(keyOf(path));
      const merged = known === undefined ? undefined : change(known);
      if (merged === undefined) refetch();
      else queries.setQueryData(keyOf(path), merged);
    };
    return api.watchEnvironment(id, {
      on: {
        changed: (change) => merge((known) => withChange(known, change)),
        output: (output) => merge((known) => withOutput(known, output)),
      },
      onState(next) {
        if (next === "online") refetch();
      },
    });
  }, [api, queries, path, id]);
}

/** Begins to prepare an environment; with `again`, anew. */
export function usePrepare(path: string) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (options: { readonly again: boolean }) => api.organization.prepareEnvironment(path, options),
    onSuccess: (found) => queries.setQueryData(keyOf(path), found),
  });
}

export function useStopPreparation(path: string) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.environment(id).stop(),
    onSettled: () => queries.invalidateQueries({ queryKey: keyOf(path) }),
  });
}
