import type { Clock, Logger } from "@holdfast/core";
import type { Approvals } from "./approvals/approvals.ts";
import type { Audit } from "./audit/audit.ts";
import type { BrokerConfig, OpenBrokerOptions, OpenedBroker } from "./broker/broker.ts";
import type { ToolCatalog } from "./broker/catalog.ts";
import type { Egress, EgressDecision, EgressOptions, EgressUsage } from "./egress/egress.ts";
import type { EgressConfig } from "./egress/egress-config.ts";
import type { BudgetStatus } from "./egress/metering/budget.ts";
import type { Prices } from "./egress/metering/prices.ts";
import type { Guarantee, JailDriverName, Jails } from "./jail/jail.ts";
import type { GateNodes, SharedGate } from "./nodes/shared-gate.ts";
import type { Plugins, PluginsConfig } from "./plugins/plugins.ts";
import type { AcceptedRule, RuleAcceptance } from "./policy/accepted-rules.ts";
import type { Evaluation } from "./policy/evaluate.ts";
import type { Policy, PolicyExplainQuestion, PolicyStatus } from "./policy/policy.ts";
import type { PolicyRule } from "./policy/rule.ts";
import type { ProviderStatus, Vault } from "./vault/vault.ts";

/** Options of `createGate`. */
export interface GateConfig {
  /** Data directory: the gate keeps its files in `<dataDir>/gate` and `<dataDir>/vault` (0700). There is no default. */
  readonly dataDir: string;
  readonly jails?: {
    /** "bubblewrap" by default, "apple-container" on macOS. "none" confines nothing and needs `allowUnsafe`. */
    readonly driver?: JailDriverName;
    /** Allows the driver "none": the operator chose `--unsafe-no-jail`. */
    readonly allowUnsafe?: boolean;
    /**
     * What happens when this machine cannot make jails: "throw" (default) rejects with `jail.unavailable`; with "refuse"
     * the gate opens, reports it in its status, and refuses each jail with that error.
     */
    readonly whenUnavailable?: "throw" | "refuse";
    /**
     * When the guarantees are proven: at the start of the gate ("start", the default), or before the first jail, for a
     * process that may need none. A machine whose jails do not hold then refuses each of them.
     */
    readonly proof?: "start" | "first-jail";
    /**
     * Path of a file in which the proof of bubblewrap is kept for later starts, which take it on the same boot with the
     * same version, program, user, capabilities, namespaces and control groups. Without it, each start measures.
     */
    readonly proofFile?: string;
    /** Path of the bwrap program; by default found on PATH. */
    readonly bwrapPath?: string;
    /** Path of the runsc program (gVisor); by default found on PATH. */
    readonly runscPath?: string;
    /**
     * Socket of the container engine, for podman and docker. By default the usual one:
     * `/run/podman/podman.sock` or that of this user; `/var/run/docker.sock`.
     */
    readonly engineSocket?: string;
    /** Path of Apple's container program; by default found on PATH, or where its installer puts it. */
    readonly containerPath?: string;
    /** Image that the jails of Apple's container start from: `docker.io/library/node:24-bookworm` by default. */
    readonly containerImage?: string;
  };
  readonly vault?: VaultConfig;
  /** Added to the settings of `<dataDir>/egress.json`. */
  readonly egress?: EgressConfig;
  /** Overrides what `<dataDir>/plugins.json` says about single plugins. */
  readonly plugins?: PluginsConfig;
  readonly broker?: BrokerConfig;
  /**
   * Decides about every tool call, instead of `<dataDir>/policy.json`. Without either, calls of low risk pass and calls
   * of high risk ask.
   */
  readonly policy?: Policy;
  /**
   * What this gate shares with those of other nodes: secrets, grants, budgets, rate limits, taint, approvals, accepted
   * policy rules and copies of the audit log. Then the gate is complete after `join`.
   */
  readonly shared?: SharedGate;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly onDecision?: (decision: EgressDecision) => void;
  readonly onUsage?: (usage: EgressUsage) => void;
}

/** Where the vault looks for credentials. */
export interface VaultConfig {
  /** Environment variables with keys and base URLs; `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Home directory with the logins of the user; by default that of this process. */
  readonly homeDir?: string;
  /** False to ignore the user's logins. */
  readonly logins?: boolean;
  /** Where expired Claude logins are refreshed. */
  readonly claudeTokenUrl?: string;
  /** Where expired ChatGPT logins are refreshed. */
  readonly chatgptTokenUrl?: string;
}

/** The state of a gate, as the Studio and `holdfast doctor` show it. */
export interface GateStatus {
  readonly driver: JailDriverName;
  /** True when agents run without a jail. */
  readonly unsafe: boolean;
  readonly guarantees: readonly Guarantee[];
  readonly stages: readonly GateStage[];
  readonly providers: readonly ProviderStatus[];
  /** The state of each budget. */
  readonly budgets: readonly BudgetStatus[];
  readonly policy: PolicyStatus;
  readonly jails: number;
  /** Jails, and processes without a jail, of an earlier, killed gate that were ended at start. */
  readonly orphansEnded: number;
}

/** Whether one protection of the gate is in force, with a text for people. */
export interface GateStage {
  readonly name: "jails" | "egress" | "broker" | "vault" | "approvals" | "audit";
  readonly inForce: boolean;
  readonly detail: string;
}

/** The trust boundary around agents: their jails, and every way out of them. */
export interface Gate {
  readonly jails: Jails;
  readonly vault: Vault;
  readonly approvals: Approvals;
  readonly audit: Audit;
  /** The prices by which model calls are charged. */
  readonly prices: Prices;
  readonly plugins: Plugins;
  /** The tools that jails can call. */
  readonly tools: ToolCatalog;
  /** The gates of all nodes; undefined where this one shares nothing. */
  readonly nodes: GateNodes | undefined;
  /**
   * Joins the gates of other nodes, and starts the plugins. Call it once, when the store of the shared state answers;
   * without `shared` it does nothing. Throws `vault.wrong_cluster_key`, `audit.corrupt`.
   */
  join(): Promise<void>;
  /**
   * Returns what this gate holds of shared budgets and rates, and copies its last audit records. Call it before the
   * store of the shared state ends; without `shared` it does nothing. Idempotent.
   */
  leave(): Promise<void>;
  status(): Promise<GateStatus>;
  /**
   * What the policy would decide about a call, and which rules it evaluated. Calls nothing.
   * Throws `policy.unknown_tool`.
   */
  explainPolicy(question: PolicyExplainQuestion): Evaluation;
  /** Whether `addPolicyRule` would accept a proposed rule. */
  takesPolicyRule(rule: PolicyRule): boolean;
  /**
   * Adds a proposed rule to the policy file and records it; it applies to the next call.
   * Throws `policy.rule_conflict`, `policy.invalid_file`, `policy.no_file` where the rules come from the program, and
   * `policy.unavailable` where the file cannot be written.
   */
  addPolicyRule(rule: PolicyRule, acceptance: RuleAcceptance): Promise<void>;
  /** The rules that people accepted, at any node. */
  acceptedRules(): Promise<readonly AcceptedRule[]>;
  /**
   * Removes an accepted rule, at all nodes, and records it. Returns whether there was one. Throws `policy.no_file`,
   * `policy.invalid_file`, `policy.unavailable`.
   */
  removePolicyRule(id: string, by: string): Promise<boolean>;
  /** Opens the egress proxy of a jail, its only way out. Throws `egress.invalid_upstream`, `egress.duplicate_jail`. */
  openEgress(options: EgressOptions): Promise<Egress>;
  /**
   * Opens the sockets over which a jail calls tools. Call it before the jail starts; only its processes can connect.
   * Throws `broker.duplicate_jail`, `broker.endpoint_failed`, `broker.path_too_long`, `gate.closed`.
   */
  openBroker(options: OpenBrokerOptions): Promise<OpenedBroker>;
  /** Marks a session as tainted by untrusted content: from now on its calls have a higher risk, permanently. */
  taint(session: string, reason: string): Promise<void>;
  /** Replaces every secret value that the vault knows in `text`. */
  redact(text: string): string;
  /** Stops all jails, closes all sockets and files. Idempotent. */
  close(): Promise<void>;
}
