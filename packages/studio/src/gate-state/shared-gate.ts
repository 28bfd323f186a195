import type { ClusterKeys, SharedGate } from "@holdfast/gate";
import { ActorArchive } from "./ports/archive.ts";
import { GateActors, type GateCallOptions } from "./ports/calls.ts";
import { ActorApprovals, ActorRules, ActorTaint } from "./ports/decisions.ts";
import { ActorPlugins, type PluginOptions } from "./ports/plugins.ts";
import { ActorAllowances, ActorBuckets, ActorVault } from "./ports/vault.ts";

export interface SharedGateOptions extends GateCallOptions, PluginOptions {
  readonly node: string;
  readonly keys: ClusterKeys;
}

/** The gate's ports over the actors of the cluster. */
export function createSharedGate(options: SharedGateOptions): SharedGate {
  const { node, keys } = options;
  const actors = new GateActors(options);
  return {
    ...{ node, keys },
    vault: new ActorVault(actors),
    allowances: new ActorAllowances(actors),
    buckets: new ActorBuckets(actors),
    taint: new ActorTaint(actors),
    rules: new ActorRules(actors),
    approvals: new ActorApprovals(actors),
    audit: new ActorArchive(actors),
    plugins: new ActorPlugins(actors, options),
  };
}
