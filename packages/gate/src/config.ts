import type { Clock, Logger } from "@holdfast/core";
import type { Approvals } from "./approvals/approvals.ts";
import type { Audit } from "./audit/audit.ts";
import type { BrokerConfig, OpenBrokerOptions, OpenedBroker } from "./broker/broker.ts";
import type { ToolCatalog } from "./broker/catalog.ts";
import type { Egress, EgressDecision, EgressOptions, EgressUsage } from "./egress/egress.ts";
import type { EgressConfig } from "./egress/egress-config.ts";
import type { BudgetStatus } from "./egress/metering/budget.ts";
import type { Guarantee, JailDriverName, Jails } from "./jail/jail.ts";
import type { Plugins, PluginsConfig } from "./plugins/plugins.ts";
import type { Evaluation } from "./policy/evaluate.ts";
import type { Policy, PolicyExplainQuestion, PolicyStatus } from "./policy/policy.ts";
import type { PolicyRule } from "./policy/rule.ts";
import type { ProviderStatus, Vault } from "./vault/vault.ts";

/** What `createGate` takes. */
export interface GateConfig {
  /** The gate keeps its files in `<dataDir>/gate` and `<dataDir>/vault` (0700). */
  readonly dataDir: string;
  readonly jails?: {
    /** By default "bubblewrap", and on macOS "apple-container". "none" confines nothing and needs `allowUnsafe`. */
    readonly driver?: JailDriverName;
    /** The operator said `--unsafe-no-jail`. */
    readonly allowUnsafe?: boolean;
    /**
     * What to do when this machine cannot make jails: "throw" (default) `jail.unavailable`, or "refuse":
     * the gate opens, says so in its status, and refuses each jail with that error.
     */
    readonly whenUnavailable?: "throw" | "refuse";
    /** Path of the bwrap program; by default found on PATH. */
    readonly bwrapPath?: string;
    /** Path of the runsc program (gVisor); by default found on PATH. */
    readonly runscPath?: string;
    /**
     * Socket of the container engine, for podman and docker. By default where the engine puts it:
     * `/run/podman/podman.sock` or the one of this user; `/var/run/docker.sock`.
     */
    readonly engineSocket?: string;
    /** Path of Apple's container program; by default found on PATH, or where its installer puts it. */
    readonly containerPath?: string;
    /** Image that the jails of Apple's container start from: `docker.io/library/node:24-bookworm` by default. */
    readonly containerImage?: string;
  };
  readonly vault?: VaultConfig;
  /** Added to what `<dataDir>/egress.json` says. */
  readonly egress?: EgressConfig;
  /** Goes before what `<dataDir>/plugins.json` says about single plugins. */
  readonly plugins?: PluginsConfig;
  readonly broker?: BrokerConfig;
  /**
   * Decides about every tool call, in place of `<dataDir>/policy.json`. Without either, low risk passes
   * and high risk asks.
   */
  readonly policy?: Policy;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly onDecision?: (decision: EgressDecision) => void;
  readonly onUsage?: (usage: EgressUsage) => void;
}

/** Where credentials are looked for. */
export interface VaultConfig {
  /** Where keys and base URLs are looked up; `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Home of the person whose logins are used; by default the one of this process. */
  readonly homeDir?: string;
  /** False to ignore the person's own logins. */
  readonly logins?: boolean;
  /** Where expired logins are renewed. */
  readonly claudeTokenUrl?: string;
  readonly chatgptTokenUrl?: string;
}

/** Which stages are in force. Shown by the Studio and by `holdfast doctor`. */
export interface GateStatus {
  readonly driver: JailDriverName;
  /** True when agents run without a jail. */
  readonly unsafe: boolean;
  readonly guarantees: readonly Guarantee[];
  readonly stages: readonly GateStage[];
  readonly providers: readonly ProviderStatus[];
  /** How each budget of the gate stands. */
  readonly budgets: readonly BudgetStatus[];
  readonly policy: PolicyStatus;
  readonly jails: number;
  /** Jails of an earlier, killed host that were ended at start, and processes that it ran without one. */
  readonly orphansEnded: number;
}

/** Whether a part of the gate is in force, in words for people. */
export interface GateStage {
  readonly name: "jails" | "egress" | "broker" | "vault" | "approvals" | "audit";
  readonly inForce: boolean;
  readonly detail: string;
}

/** The boundary: jails, and all that leads out of them. */
export interface Gate {
  readonly jails: Jails;
  readonly vault: Vault;
  readonly approvals: Approvals;
  readonly audit: Audit;
  readonly plugins: Plugins;
  /** The tools that jails can be offered. */
  readonly tools: ToolCatalog;
  status(): Promise<GateStatus>;
  /**
   * What the policy would decide about a call, and which rules it looked at. Nothing is called.
   * Throws `policy.unknown_tool`.
   */
  explainPolicy(question: PolicyExplainQuestion): Evaluation;
  /** Whether `addPolicyRule` would take a proposed rule. */
  takesPolicyRule(rule: PolicyRule): boolean;
  /**
   * Writes a proposed rule into the policy file, on record; it is in force for the next call.
   * Throws `policy.rule_conflict`, `policy.invalid_file`, `policy.no_file` where rules are not of a file,
   * `policy.unavailable` where it cannot be written.
   */
  addPolicyRule(rule: PolicyRule, by: string): Promise<void>;
  /** Opens the only way out of a jail. Throws `egress.invalid_upstream`, `egress.duplicate_jail`. */
  openEgress(options: EgressOptions): Promise<Egress>;
  /**
   * Opens the sockets by which a jail calls tools, before the jail starts: only its processes can connect.
   * Throws `broker.duplicate_jail`, `broker.endpoint_failed`, `broker.path_too_long`, `gate.closed`.
   */
  openBroker(options: OpenBrokerOptions): Promise<OpenedBroker>;
  /** Content from outside has entered a session: its calls are of higher risk from now on, for good. */
  taint(session: string, reason: string): Promise<void>;
  /** Replaces every secret value that the vault knows. */
  redact(text: string): string;
  /** Stops all jails, closes all sockets and files. Idempotent. */
  close(): Promise<void>;
}
