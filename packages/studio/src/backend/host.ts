/** Interface between the actors (organization, task, session, environment, group, access) and their process. */

import type { Ports } from "@holdfast/core";
import type { AuditEntry, ModelPrice } from "@holdfast/gate";
import type { Person } from "../access/person.ts";
import type { Administration } from "../administration/administration.ts";
import type { TaskChanges } from "../changes/task-changes.ts";
import type { Checks } from "../checks/checks.ts";
import type { ClusterSandboxes } from "../cluster/all-nodes/sandboxes.ts";
import type { ClusterEnvironments } from "../cluster/environments.ts";
import type { Place } from "../cluster/place.ts";
import type { UserRepository } from "../cluster/repositories.ts";
import type { Archives } from "../cluster/snapshot-store.ts";
import type { AgentChoice, AppliedBranch, RepositoryCheck, SystemStatus } from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import type { FileFinder } from "../git/file-finder.ts";
import type { GroupSettings } from "../groups/group-settings.ts";
import type { RepositoryConnections } from "../remotes/connections.ts";
import type { MachineStatus } from "../status.ts";
import type { Copies } from "../work/files/copies.ts";
import type { ForgeAccess } from "../work/forge-access.ts";
import type { BillingPort } from "./billing/state.ts";
import type { GroupEvent } from "./group-state.ts";
import type { NotificationPort } from "./notifications/port.ts";
import type { BudgetSubject } from "./usage/budgets.ts";
import type { ValueTokens } from "./value-tokens.ts";

/**
 * Services that the process provides to the actors: running jails, git, the gate. It holds no durable state;
 * everything in it can be rebuilt from the actors.
 */
export interface BackendHost {
  readonly ports: Ports;
  readonly valueTokens: ValueTokens;
  readonly unsafe: boolean;
  /** False for a short-lived command, which leaves waiting events to a server. */
  readonly startsEvents: boolean;
  /**
   * True on a node of a cluster: a task runs where its actor does, stops with it, and goes on where the actor is next.
   * On a single node, a runner outlives the sleep of its actor.
   */
  readonly runsWithActor: boolean;
  /** Throws `jail.unavailable`, with a remedy, if agents cannot be started here, and no other node can. */
  requireJails(): void;
  /** Checks that `path` is a usable repository; "sample" is accepted as well. Throws `repository.*`. */
  checkRepository(path: string): Promise<RepositoryCheck>;
  listAgents(): Promise<readonly AgentChoice[]>;
  system(tasks: SystemStatus["tasks"]): Promise<MachineStatus>;
  /** The running jails of all nodes. */
  readonly sandboxes: Pick<ClusterSandboxes, "of">;
  /** Notes that this process creates the task. */
  creating(taskId: string): void;
  /** True if this process runs the task. */
  runs(taskId: string): boolean;
  /** The claim of the task's runner in this process, if there is one. */
  claimOf(taskId: string): number | undefined;
  /**
   * Ensures that runners work on the next prompts of these sessions, side by side. Returns immediately. Those with
   * another claim are abandoned.
   */
  wake(taskId: string, claim: number, sessionIds: readonly string[]): void;
  /** Resolves when the task has neither work nor an agent in this process. */
  settled(taskId: string): Promise<void>;
  /** Abandons the task: another node may run it next. Resolves when its agent and its jail are gone. */
  release(taskId: string): Promise<void>;
  /** Aborts the current turn of a session, its agent and its jail; resolves within a second. */
  stop(taskId: string, sessionId: string): Promise<void>;
  /** Ends the agent of a session that was closed, and withdraws its questions. */
  closeSession(taskId: string, sessionId: string): Promise<void>;
  /** True while the agent or the gate waits for the answer to this question. */
  isAwaitingAnswer(taskId: string, approvalId: string): Promise<boolean>;
  /** Delivers a durable answer. Returns false if the question is no longer open. */
  deliverAnswer(taskId: string, approvalId: string, option: ApprovalChoice): Promise<boolean>;
  /**
   * Settles a question of the gate in the task as soon as it is settled in the gate, even without its agent. Returns
   * immediately.
   */
  watchQuestion(taskId: string, sessionId: string, approvalId: string): void;
  readonly administration: Administration;
  /** Prices of models from the operator's configuration. */
  readonly configuredPrices: readonly ModelPrice[];
  /** Throws `budget.exceeded`. */
  requireBudget(subject: BudgetSubject, organization: string): Promise<void>;
  /** Plans and payments; undefined where the operator sells nothing. */
  readonly billing?: BillingPort | undefined;
  /** Appends an entry to the audit log. */
  audit(entry: AuditEntry): Promise<void>;
  /** The groups configured in `groups.json`. */
  readonly groups: GroupLookup;
  /** The repository of a group. A group's own repository is created on first use. */
  groupRepository(group: GroupSettings): Promise<string>;
  /** Asks the event's plugin which session to continue; undefined for a new one. */
  resolveSession(event: GroupEvent, sessions: readonly ResolvableSession[]): Promise<string | undefined>;
  readonly environments: Pick<ClusterEnvironments, "inspect" | "prepare" | "stop">;
  /** Time between two comparisons of a repository with its forge, at least 5,000. */
  readonly repositoryReconcileMs?: number;
  readonly forges: Pick<ForgeAccess, "open" | "commit" | "push" | "merge" | "templates">;
  /** Time between two looks at open pull requests of a repository without webhooks, at least 5,000. */
  readonly pullRequestReadMs?: number;
  /** The servers of connected repositories. */
  readonly connections: RepositoryConnections;
  /** The ways out for notifications. */
  readonly notifications: NotificationPort;
  /** Where this process has the files of tasks. */
  readonly place: Place;
  /** Archives the files of a task, which this process has. */
  archiveFiles(taskId: string): Archives;
  /** Replaces the files of a task by those of a snapshot; without one, deletes them. */
  restoreFiles(taskId: string, archives: Archives | undefined): Promise<void>;
  /** What the files of a task take on disk, in this process. */
  filesSize(taskId: string): Promise<{ readonly bytes: number; readonly isComplete: boolean }>;
  /** The person who sends a request; the operator for calls within the process. Throws `auth.unauthorized`. */
  personOf(request: Request | undefined): Promise<Pick<Person, "id" | "name" | "isOperator">>;
  /** Adds a note to the log of a session, once for each `dedupeKey`. */
  note(taskId: string, sessionId: string, text: string, dedupeKey: string): Promise<void>;
  /** Writes a git tree of the complete workspace and returns its id. */
  snapshot(taskId: string, copy?: string): Promise<string>;
  readonly fileFinder: Pick<FileFinder, "inTask" | "inRepository">;
  readonly changes: TaskChanges;
  readonly checks: Pick<Checks, "find" | "run" | "isClosing">;
  /** The folders of attempts. */
  readonly copies: Pick<Copies, "has" | "size" | "remove" | "keep">;
  /** An unused branch name derived from `title`. */
  branchName(repository: UserRepository, title: string): Promise<string>;
  requireBranchName(branch: string): Promise<void>;
  apply(
    taskId: string,
    repository: UserRepository,
    plan: ApplyPlan,
  ): Promise<Omit<AppliedBranch, "appliedAt">>;
  /** Addresses of the remotes of a repository. Throws `repository.elsewhere`. */
  remotes(repository: UserRepository): Promise<readonly string[]>;
}

/** Reads the current configuration of the groups. */
export interface GroupLookup {
  list(): readonly GroupSettings[];
  /** Throws `group.not_found`. */
  require(name: string): GroupSettings;
}

/** A session that a plugin can select. */
export interface ResolvableSession {
  readonly sessionId: string;
  readonly startedAt: number;
  readonly usedAt: number;
  readonly resumable: boolean;
}

export interface ApprovalChoice {
  readonly optionId: string;
  readonly allowed: boolean;
  /** Who answers. */
  readonly by: { readonly person: string; readonly name?: string };
}
