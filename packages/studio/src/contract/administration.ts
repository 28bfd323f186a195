/** Types of the contract about running the Studio: audit log, secrets, policy, connections. */
import type { SignInProviderId, SignInProviderInput, SignInView } from "./people.ts";
import type { TaskError } from "./task-list.ts";

/** A record of the audit log. `seq` has no gaps; in a cluster, each node counts its own. */
export interface AuditRecordView {
  readonly seq: number;
  readonly at: number;
  /** Dotted kind: "egress.request". */
  readonly type: string;
  readonly node?: string;
  readonly jailId?: string;
  /** A session, or the task that a person did something to. */
  readonly session?: string;
  /** The task that `session` names, if it is one of the organization's. */
  readonly task?: AuditTask;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly hash: string;
}

/** A task, as it is called now. */
export interface AuditTask {
  readonly id: string;
  readonly title: string;
}

export const auditDecisions = ["allow", "ask", "deny"] as const;
export type AuditDecision = (typeof auditDecisions)[number];

/** Which records, the newest first. Absent parts exclude none. */
export interface AuditPageQuery {
  /** A type, or its beginning: "egress" also has "egress.request". */
  readonly type?: string;
  /** Id, name or e-mail address of a person. */
  readonly person?: string;
  readonly task?: string;
  readonly decision?: AuditDecision;
  /** Name of a node of a cluster. */
  readonly node?: string;
  /** Milliseconds since the epoch, both included. */
  readonly since?: number;
  readonly until?: number;
  /** At most 500, by default 100. */
  readonly limit?: number;
  /** That of the page before. */
  readonly cursor?: number;
}

export interface AuditPage {
  readonly records: readonly AuditRecordView[];
  /** Absent on the last page. A page may have few records or none, and still a cursor: its search has a bound. */
  readonly cursor?: number;
  /** Number of the newest record; in a cluster, of this page. */
  readonly newest: number;
  /** In a cluster, the nodes that have records. */
  readonly nodes?: readonly string[];
}

/** Whether the audit log is as it was written. */
export interface AuditCheck {
  readonly isIntact: boolean;
  /** Records before the first fault. */
  readonly records: number;
  /** The last record that a signed checkpoint proves. */
  readonly signedTo?: number;
  readonly problem?: string;
  /** Number of the first bad record. */
  readonly badRecord?: number;
  /** The last good record before it. */
  readonly lastGood?: AuditRecordView;
  /** In a cluster, each chain; the fields above are about the first one with a fault, or all. */
  readonly chains?: readonly AuditChainCheck[];
  readonly checkedAt: number;
  readonly durationMs: number;
}

/** The log of one node: its copy in the store, and its files. */
export interface AuditChainCheck {
  readonly node: string;
  /** A node that lost its data directory starts another one. */
  readonly chain: string;
  readonly isIntact: boolean;
  /** Of the copy. */
  readonly records: number;
  /** The last record of the copy that is signed, and when, by the clock of the node. */
  readonly signedTo?: number;
  readonly signedAt?: number;
  /** False if the node is not running: only the copy was checked. */
  readonly hasFilesChecked: boolean;
  /** What is wrong with the copy, or else with the files, and the number of the first bad record. */
  readonly problem?: string;
  readonly badRecord?: number;
}

/** A secret of the vault. Its value never leaves the host. */
export interface SecretView {
  readonly name: string;
  /** Whose it is: "" for the host. */
  readonly owner: string;
  /** Where it is used: by grants, and by connected repositories. */
  readonly uses: readonly SecretUseView[];
}

export type SecretUseView =
  | {
      readonly kind: "grant";
      readonly id: string;
      /** "user ada, agent codex". */
      readonly principal: string;
      readonly host: string;
      readonly pathPrefix: string;
      readonly methods: readonly string[];
      readonly expiresAt?: number;
    }
  | { readonly kind: "repository"; readonly id: string; readonly name: string };

export interface PolicyView {
  /** "default": there is no file. */
  readonly source: "file" | "default" | "config";
  readonly path?: string;
  readonly rules: number;
  /** Why the file as it is now is not in force. The rules before it are. */
  readonly problem?: string;
  /** Text of the file; a start for one where there is none. */
  readonly text: string;
  /** Tools that a call can name. */
  readonly tools: readonly {
    readonly name: string;
    readonly plugin: string;
    readonly risk: "low" | "high";
  }[];
}

/** A rule that a person accepted with an approval: calls like that one are not asked about any more. */
export interface AcceptedRuleView {
  readonly id: string;
  readonly tools: readonly string[];
  /** What else must hold, in words. */
  readonly conditions: readonly string[];
  /** False if a rule of the policy file contradicts it. */
  readonly isInForce: boolean;
  /** Absent if the audit log does not know. */
  readonly acceptedAt?: number;
  /** Id of the person, and their name then; no name for the operator. */
  readonly acceptedBy?: string;
  readonly name?: string;
  readonly task?: string;
}

/** A call that is tried. */
export interface PolicyQuestionInput {
  readonly tool: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly group?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly tainted?: boolean;
  /** Text of a policy file to try, instead of the rules that are in force. */
  readonly text?: string;
}

export interface PolicyAnswer {
  readonly action: AuditDecision;
  /** The rule that decides. */
  readonly rule: string;
  readonly reason: string;
  /** Every rule that was looked at, in order. */
  readonly steps: readonly {
    readonly rule: string;
    readonly action: AuditDecision;
    readonly outcome: "decides" | "does not match" | "depends";
    readonly because?: string;
  }[];
}

/** What a changed policy would have decided about calls of the audit log. */
export interface PolicyDryRun {
  readonly same: number;
  readonly changed: number;
  /** Rules look at arguments, which the log does not have. */
  readonly depends: number;
  /** At most 100 of the changed ones, the newest first. */
  readonly changes: readonly {
    readonly seq: number;
    readonly at: number;
    readonly tool: string;
    readonly session: string;
    readonly before: string;
    readonly after: string;
  }[];
}

/** Something that the Studio depends on. */
export interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly kind: "model" | "jail" | "store" | "mail" | "sign-in" | "payments";
  /** False if nobody has set it up. */
  readonly isSetUp: boolean;
  readonly detail: string;
  /** How to set it up or mend it. */
  readonly fix?: string;
}

export interface ConnectionCheck {
  readonly id: string;
  readonly isWorking: boolean;
  /** What was tried, and what it answered. */
  readonly detail: string;
  readonly error?: TaskError;
  readonly durationMs: number;
  readonly checkedAt: number;
}

/** Actions of `administration`. Errors: groups "audit", "vault", "policy", "administration". */
export interface AdministrationActions {
  /** Throws `administration.invalid_input`. */
  audit(query?: AuditPageQuery): Promise<AuditPage>;
  /** Reads the complete log. */
  verifyAudit(): Promise<AuditCheck>;
  secrets(): Promise<readonly SecretView[]>;
  /** Stores a secret of the host, or a new value of one. Throws `vault.invalid_secret`. */
  setSecret(name: string, value: string): Promise<void>;
  /** Throws `administration.secret_in_use` while a repository uses it. */
  deleteSecret(name: string): Promise<void>;
  policy(): Promise<PolicyView>;
  /** Decides about a call without making it. Throws `policy.unknown_tool`, `policy.invalid_file`. */
  explainPolicy(question: PolicyQuestionInput): Promise<PolicyAnswer>;
  /** What these rules would have decided about the calls of the audit log. Throws `policy.invalid_file`. */
  tryPolicy(text: string): Promise<PolicyDryRun>;
  /** Replaces the policy file; in force for the next call. Throws `policy.invalid_file`, `policy.changed`. */
  savePolicy(text: string, before: string): Promise<void>;
  /** What people accepted with "Always allow", the last one first. */
  acceptedRules(): Promise<readonly AcceptedRuleView[]>;
  /** Calls like it are asked about again. Throws `policy.unknown_rule`, `policy.unavailable`. */
  removeAcceptedRule(id: string): Promise<void>;
  /** Sign-in with accounts elsewhere. Throws `administration.no_accounts`, as the three below. */
  signIn(): Promise<SignInView>;
  /** In force at once. Throws `administration.invalid_input`, `.set_by_environment`. */
  saveSignInProvider(provider: SignInProviderInput): Promise<void>;
  /** Nobody signs in with it any more; accounts stay. Throws `administration.set_by_environment`. */
  removeSignInProvider(id: SignInProviderId): Promise<void>;
  /** Throws `administration.invalid_input`, `.set_by_environment`. */
  saveSignInDomains(domains: readonly string[]): Promise<void>;
  connections(): Promise<readonly ConnectionView[]>;
  /** Tries one now. Throws `administration.not_found`. */
  checkConnection(id: string): Promise<ConnectionCheck>;
}
