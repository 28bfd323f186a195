import { query, request } from "@holdfast/web-parts/request";
import { queryOptions } from "@tanstack/react-query";

/** The part of `GET /cluster` that is shown. */
export interface ClusterView {
  /** The node that answers. */
  readonly node: string;
  readonly shards: number;
  /** Names of actors that not all nodes serve. */
  readonly scopes: readonly string[];
  readonly nodes: readonly NodeView[];
}

export interface NodeView {
  readonly id: string;
  readonly address: string;
  readonly version: string;
  readonly zone: string;
  readonly draining: boolean;
  readonly serves: readonly string[];
  /** Remaining time of its session; negative once it has expired. */
  readonly expiresInMs: number;
  readonly shards: number;
}

export function clusterQuery() {
  return queryOptions({
    queryKey: ["cluster"],
    queryFn: () => request<ClusterView>("GET", "/cluster"),
    staleTime: 0,
    refetchOnWindowFocus: "always",
    // No event reports changes.
    refetchInterval: 3_000,
  });
}

/** Asks a node to hand over its actors. */
export function drainNode(id: string): Promise<void> {
  return request("POST", `/cluster/drain${query({ node: id })}`);
}
