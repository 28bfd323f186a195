/** Interface between the actors (organization, task, session, group, access) and their process. */
import type { Ports } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import type { AgentChoice, AppliedBranch, DiffView, RepositoryCheck, SystemStatus } from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import type { GroupSettings } from "../groups/group-settings.ts";
import type { GroupEvent } from "./group-state.ts";
import type { Handover } from "./handover.ts";

/**
 * Services that the process provides to the actors: running jails, git, the gate. It holds no durable state;
 * everything in it can be rebuilt from the actors.
 */
export interface BackendHost {
  readonly ports: Ports;
  readonly handover: Handover;
  readonly unsafe: boolean;
  /** False for a short-lived command, which leaves waiting events to a server. */
  readonly startsEvents: boolean;
  /** Throws `jail.unavailable`, with a remedy, if agents cannot be started here. */
  requireJails(): void;
  /** Checks that `path` is a usable repository; "sample" is accepted as well. Throws `repository.*`. */
  checkRepository(path: string): Promise<RepositoryCheck>;
  listAgents(): Promise<readonly AgentChoice[]>;
  system(tasks: SystemStatus["tasks"]): Promise<SystemStatus>;
  /** Ensures that a runner works on the task's next prompt. Returns immediately. */
  wake(taskId: string): void;
  /** Like {@link wake}, for a task that this process has just created. */
  wakeNew(taskId: string): void;
  /** Aborts the current turn, its agent and its jail; resolves within a second. */
  stop(taskId: string): Promise<void>;
  /** True while the agent or the gate waits for the answer to this question. */
  isAwaitingAnswer(taskId: string, approvalId: string): boolean;
  /** Delivers a durable answer. Returns false if the question is no longer open. */
  deliverAnswer(taskId: string, approvalId: string, option: ApprovalChoice): Promise<boolean>;
  /**
   * Settles a question of the gate in the task as soon as it is settled in the gate, even without its agent. Returns
   * immediately.
   */
  watchQuestion(taskId: string, sessionId: string, approvalId: string): void;
  /** Appends an entry to the audit log. */
  audit(entry: AuditEntry): Promise<void>;
  /** The groups configured in `groups.json`. */
  readonly groups: GroupLookup;
  /** The repository of a group. A group's own repository is created on first use. */
  groupRepository(group: GroupSettings): Promise<string>;
  /** Asks the event's plugin which session to continue; undefined for a new one. */
  resolveSession(event: GroupEvent, sessions: readonly ResolvableSession[]): Promise<string | undefined>;
  /** Writes a git tree of the complete workspace and returns its id. */
  snapshot(taskId: string): Promise<string>;
  diff(taskId: string, base: string): Promise<DiffView>;
  /** An unused branch name derived from `title`. */
  branchName(repository: string, title: string): Promise<string>;
  requireBranchName(branch: string): Promise<void>;
  apply(taskId: string, repository: string, plan: ApplyPlan): Promise<Omit<AppliedBranch, "appliedAt">>;
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
}
