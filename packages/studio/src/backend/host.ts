/** The actors: organization, task, session, group, access. */
import type { Ports } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import type { AgentChoice, AppliedBranch, DiffView, RepositoryCheck, SystemStatus } from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import type { GroupSettings } from "../groups/group-settings.ts";
import type { GroupEvent } from "./group-state.ts";
import type { Handover } from "./handover.ts";

/**
 * What actors ask of the process around them: running jails, git, the gate. It holds no durable state;
 * all of it can be lost at any moment and is built again from the actors.
 */
export interface BackendHost {
  readonly ports: Ports;
  readonly handover: Handover;
  readonly unsafe: boolean;
  /** Whether what waits for its turn begins here: a command that is soon over leaves it for a server. */
  readonly beginsEvents: boolean;
  /** Throws `jail.unavailable`, with what would mend it, where no agent can be started. */
  requireJails(): void;
  /** Resolves "sample" as well. Throws `repository.*`. */
  checkRepository(path: string): Promise<RepositoryCheck>;
  listAgents(): Promise<readonly AgentChoice[]>;
  system(tasks: SystemStatus["tasks"]): Promise<SystemStatus>;
  /** Makes sure that somebody works on the task's next prompt. Returns at once. */
  wake(taskId: string): void;
  /** As {@link wake}, for a task that was asked for at this moment and is no other's rest. */
  begin(taskId: string): void;
  /** Ends the current turn, its agent and its jail; resolves within a second. */
  stop(taskId: string): Promise<void>;
  /** True while the agent that asked, or the gate, waits for the answer to this question. */
  waits(taskId: string, approvalId: string): boolean;
  /** Delivers a durable answer. False when nobody waits for it any more. */
  answer(taskId: string, approvalId: string, option: ApprovalChoice): Promise<boolean>;
  /** Takes a question of the gate away when it is settled, whatever has become of the agent. Returns at once. */
  watchQuestion(taskId: string, sessionId: string, approvalId: string): void;
  /** Puts into the audit log what has happened. */
  note(entry: AuditEntry): Promise<void>;
  /** What `groups.json` says. */
  readonly groups: GroupLookup;
  /** The repository of a group; its own one is made when it is first asked for. */
  groupRepository(group: GroupSettings): Promise<string>;
  /** Asks the plugin of an event which of the sessions answers it; undefined for a new one. */
  resolveSession(event: GroupEvent, sessions: readonly ResolvableSession[]): Promise<string | undefined>;
  /** The tree of everything in the workspace. */
  snapshot(taskId: string): Promise<string>;
  diff(taskId: string, base: string): Promise<DiffView>;
  /** A free name to begin with, made from `title`. */
  branchName(repository: string, title: string): Promise<string>;
  requireBranchName(branch: string): Promise<void>;
  apply(taskId: string, repository: string, plan: ApplyPlan): Promise<Omit<AppliedBranch, "appliedAt">>;
}

/** Reads the groups as they are configured now. */
export interface GroupLookup {
  list(): readonly GroupSettings[];
  /** Throws `group.not_found`. */
  require(name: string): GroupSettings;
}

/** A session that a plugin may name. */
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
