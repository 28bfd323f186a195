/** Gates of several nodes: what they share, and how one joins the others. */

import type { SharedApprovals } from "../approvals/shared-approvals.ts";
import type { AuditQuery, AuditRecord } from "../audit/audit.ts";
import type { AuditArchive } from "../audit/chains/archive.ts";
import type { ChainVerification } from "../audit/chains/chains.ts";
import type { SharedBuckets } from "../broker/rates/shared-buckets.ts";
import type { SharedTaint } from "../broker/taint.ts";
import type { Allowances } from "../egress/metering/allowances.ts";
import type { SharedPlugins } from "../plugins/shared-plugins.ts";
import type { PolicyRule } from "../policy/rule.ts";
import type { SharedRules } from "../policy/shared-rules.ts";
import type { ClusterKeys } from "../vault/sealed/cluster-keys.ts";
import type { SealedEntries } from "../vault/sealed/sealed-entries.ts";

/** What the gates of several nodes share: a port for each kind of state that must not depend on one machine. */
export interface SharedGate {
  /** Name of this node, different from all others. */
  readonly node: string;
  readonly keys: ClusterKeys;
  /** Secrets, grants and public keys of the audit chains, sealed. */
  readonly vault: SealedEntries;
  readonly allowances: Allowances;
  readonly buckets: SharedBuckets;
  readonly taint: SharedTaint;
  readonly rules: SharedRules;
  readonly approvals: SharedApprovals;
  readonly audit: AuditArchive;
  readonly plugins: SharedPlugins;
}

export interface NodesAuditQuery extends AuditQuery {
  /** Only what this node recorded. */
  readonly node?: string;
}

/** The gates of all nodes, as one of them sees them. */
export interface GateNodes {
  /** Name of this node. */
  readonly node: string;
  /** Verifies the audit chains of all nodes. */
  verifyAudit(): Promise<readonly ChainVerification[]>;
  /** Matching records of all nodes, or of one, ordered by the clocks of their nodes. */
  queryAudit(query?: NodesAuditQuery): Promise<readonly AuditRecord[]>;
  /** Names of the nodes that have a chain, in order. */
  auditNodes(): Promise<readonly string[]>;
  /** The proposed policy rules that people accepted at any node. */
  policyRules(): Promise<readonly PolicyRule[]>;
  /** Removes one of them at all nodes, and records it. Returns whether there was one. */
  removePolicyRule(id: string, by: string): Promise<boolean>;
}
