import { mkdir } from "node:fs/promises";
import type { Agent } from "node:http";
import { join } from "node:path";
import { HoldfastError, isHoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { AuditEntry, Gate } from "@holdfast/gate";
import type { AgentCatalogue } from "./agents.ts";
import type { GroupEvent } from "./backend/group-state.ts";
import { Handover } from "./backend/handover.ts";
import type { ApprovalChoice, BackendHost, ResolvableSession } from "./backend/host.ts";
import type { TaskWork } from "./backend/task-state.ts";
import type { DiffView, RepositoryCheck, SystemStatus } from "./contract.ts";
import { type ApplyPlan, applyTree, branchName, requireBranchName } from "./git/apply.ts";
import { diffTrees } from "./git/diff.ts";
import type { Git } from "./git/git.ts";
import { prepareRepository } from "./git/prepare.ts";
import { checkRepository } from "./git/repository.ts";
import { snapshotTree } from "./git/snapshot.ts";
import type { GroupRegistry } from "./groups/group-registry.ts";
import { groupRepository } from "./groups/group-repository.ts";
import type { GroupSettings } from "./groups/group-settings.ts";
import { resolveSession } from "./groups/resolve-session.ts";
import type { GuestBundle } from "./jail/bundle.ts";
import type { StudioLimits } from "./limits.ts";
import type { StudioOptions } from "./studio.ts";
import type { SessionBackend, TaskBackend } from "./work/backend.ts";
import { deliverGateAnswer, isGateQuestionOpen, settleShownQuestion } from "./work/gate-questions.ts";
import { type PreparedTask, TaskRunner } from "./work/runner.ts";
import { SessionLog } from "./work/session-log.ts";

export interface StudioHostOptions {
  readonly ports: Ports;
  readonly gate: Gate;
  readonly git: Git;
  readonly catalogue: AgentCatalogue;
  readonly limits: StudioLimits;
  readonly dataDirectory: string;
  /** A private folder for sockets. Its path is short, because socket paths are limited. */
  readonly runDirectory: string;
  /** Folder for temporary snapshots; emptied at the start. */
  readonly snapshotDirectory: string;
  readonly bundle: () => Promise<GuestBundle>;
  /** Path of the bundled sample repository, which is created on first use. */
  readonly sample: () => Promise<string>;
  readonly system: (tasks: SystemStatus["tasks"]) => Promise<SystemStatus>;
  readonly task: (taskId: string) => TaskBackend;
  readonly session: (sessionId: string) => SessionBackend;
  readonly groups: GroupRegistry;
  readonly runTasks: NonNullable<StudioOptions["runTasks"]>;
}

/** The process around the actors: owns the task runners, and provides git and the gate to the actors. */
export class StudioHost implements BackendHost {
  readonly ports: Ports;
  readonly handover: Handover;
  readonly #options: StudioHostOptions;
  readonly #runners = new Map<string, TaskRunner>();
  /** Eviction timers of tasks with an idle agent, longest idle first. */
  readonly #idle = new Map<string, NodeJS.Timeout>();
  /** The latest preparation of each task, while it runs. */
  readonly #preparations = new Map<string, Promise<void>>();
  /** Gate questions that are settled in their task as soon as the gate settles them. */
  readonly #watchedQuestions = new Set<string>();
  /** Tasks created by this process, for `runTasks: "new"`. */
  readonly #createdHere = new Set<string>();
  #closing = false;

  constructor(options: StudioHostOptions) {
    this.#options = options;
    this.ports = options.ports;
    this.handover = new Handover(() => uuidv4(options.ports.random));
  }

  get groups(): GroupRegistry {
    return this.#options.groups;
  }

  async groupRepository({ name, repository }: GroupSettings): Promise<string> {
    const { git, dataDirectory } = this.#options;
    return repository ?? groupRepository(git, dataDirectory, name);
  }

  resolveSession(event: GroupEvent, sessions: readonly ResolvableSession[]): Promise<string | undefined> {
    return resolveSession(this.#options, event, sessions);
  }

  get startsEvents(): boolean {
    return this.#options.runTasks === true;
  }

  get unsafe(): boolean {
    return this.#options.gate.jails.driver.unsafe;
  }

  async checkRepository(path: string): Promise<RepositoryCheck> {
    return checkRepository(this.#options.git, path === "sample" ? await this.#options.sample() : path);
  }

  requireJails() {
    const { refusal } = this.#options.gate.jails.driver;
    if (refusal !== undefined) throw refusal;
  }

  listAgents() {
    return this.#options.catalogue.list();
  }

  system(tasks: SystemStatus["tasks"]): Promise<SystemStatus> {
    return this.#options.system(tasks);
  }

  wakeNew(taskId: string): void {
    if (this.#options.runTasks === "new") this.#createdHere.add(taskId);
    this.wake(taskId);
  }

  wake(taskId: string): void {
    if (this.#closing || !this.#shouldRun(taskId)) return;
    clearTimeout(this.#idle.get(taskId));
    this.#idle.delete(taskId);
    this.#runner(taskId).wake();
  }

  /** HTTP agent for a task's sandbox server, while its agent runs. */
  sandbox(taskId: string): Agent | undefined {
    return this.#runners.get(taskId)?.sandbox;
  }

  async stop(taskId: string): Promise<void> {
    await this.#runners.get(taskId)?.stop();
  }

  isAwaitingAnswer(taskId: string, approvalId: string): boolean {
    return (
      isGateQuestionOpen(this.#options.gate, approvalId) ||
      this.#runners.get(taskId)?.isAwaitingAnswer(approvalId) === true
    );
  }

  async deliverAnswer(taskId: string, approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    const onRuleError = (error: unknown) =>
      this.ports.log.error("could not write a policy rule", { taskId, error });
    if (await deliverGateAnswer(this.#options.gate, approvalId, choice, onRuleError)) return true;
    return (await this.#runners.get(taskId)?.deliverAnswer(approvalId, choice)) ?? false;
  }

  watchQuestion(taskId: string, sessionId: string, approvalId: string): void {
    if (this.#closing || this.#watchedQuestions.has(approvalId)) return;
    this.#watchedQuestions.add(approvalId);
    const { gate, task, session, limits } = this.#options;
    const log = new SessionLog(session(sessionId), limits);
    void settleShownQuestion({ gate, task: task(taskId), log }, approvalId)
      .catch((error: unknown) =>
        this.ports.log.warn("could not settle a question of the gate", { taskId, error }),
      )
      .finally(() => this.#watchedQuestions.delete(approvalId));
  }

  async snapshot(taskId: string): Promise<string> {
    const { git, gate, bundle, snapshotDirectory } = this.#options;
    const { hostGit, workspace } = this.#folders(taskId);
    const base = await git.text([
      "--git-dir",
      hostGit,
      "rev-parse",
      "--verify",
      "refs/holdfast/base^{commit}",
    ]);
    return snapshotTree(git, {
      jails: gate.jails,
      bundle: await bundle(),
      hostGit,
      workspace,
      base,
      temporary: snapshotDirectory,
    });
  }

  async diff(taskId: string, base: string): Promise<DiffView> {
    const tree = await this.snapshot(taskId);
    return diffTrees(this.#options.git, this.#folders(taskId).hostGit, base, tree);
  }

  branchName(repository: string, title: string): Promise<string> {
    return branchName(this.#options.git, repository, title);
  }

  requireBranchName(branch: string): Promise<void> {
    return requireBranchName(this.#options.git, branch);
  }

  async apply(taskId: string, repository: string, plan: ApplyPlan) {
    const { git, gate } = this.#options;
    const audit = { session: taskId, data: { repository, branch: plan.branch, tree: plan.tree } };
    await gate.audit.append({ type: "apply.begin", ...audit });
    const result = await applyTree(git, this.#folders(taskId).hostGit, repository, plan);
    await gate.audit.append({ type: "apply.done", session: taskId, data: { repository, ...result } });
    return result;
  }

  audit(entry: AuditEntry): Promise<void> {
    return this.#options.gate.audit.note(entry);
  }

  /** Stops all agents. The next start resumes their work. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#idle.values()) clearTimeout(timer);
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  #shouldRun(taskId: string): boolean {
    const { runTasks } = this.#options;
    if (typeof runTasks === "boolean") return runTasks;
    return runTasks === "new" ? this.#createdHere.has(taskId) : runTasks.task === taskId;
  }

  #folders(taskId: string) {
    if (!/^[0-9a-f-]{36}$/.test(taskId))
      throw new HoldfastError("task", "not_found", "There is no such task");
    const directory = join(this.#options.dataDirectory, "tasks", taskId);
    return {
      directory,
      hostGit: join(directory, "host.git"),
      workspace: join(directory, "workspace"),
      home: join(directory, "home"),
    };
  }

  #runner(taskId: string): TaskRunner {
    const existing = this.#runners.get(taskId);
    if (existing !== undefined) return existing;
    const { task, session, limits, ports } = this.#options;
    const runner = new TaskRunner({
      taskId,
      task: task(taskId),
      session,
      limits,
      log: ports.log,
      prepare: (work, signal) => this.#prepareSerially(work, signal),
      taint: (sessionId, reason) => this.#options.gate.taint(sessionId, reason),
      onIdle: () => this.#onIdle(taskId),
    });
    this.#runners.set(taskId, runner);
    return runner;
  }

  /**
   * Serializes the preparations of a task: a stop does not wait for a running clone, but the next prompt must, because
   * two clones into one folder would corrupt each other.
   */
  #prepareSerially(work: TaskWork, signal: AbortSignal): Promise<PreparedTask> {
    const { taskId } = work;
    const previous = this.#preparations.get(taskId) ?? Promise.resolve();
    const prepared = previous.then(() => this.#prepare(work, signal));
    const settled = prepared.then(
      () => {},
      () => {},
    );
    this.#preparations.set(taskId, settled);
    void settled.then(() => {
      if (this.#preparations.get(taskId) === settled) this.#preparations.delete(taskId);
    });
    return prepared;
  }

  async #prepare(work: TaskWork, signal: AbortSignal): Promise<PreparedTask> {
    signal.throwIfAborted();
    const { git, gate, catalogue, limits, bundle, runDirectory, ports } = this.#options;
    const row = catalogue.row(work.agent);
    if (row === undefined) {
      throw new HoldfastError("agent", "not_found", `The agent ${work.agent} is no longer configured`);
    }
    const { directory, workspace, home } = this.#folders(work.taskId);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { base } = await prepareRepository(
      git,
      directory,
      () => checkRepository(git, work.repository),
      // A stop aborts the clone; otherwise the next prompt would have to wait for it.
      { timeoutMs: limits.cloneTimeoutMs, signal },
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      if (isHoldfastError(error) && error.group !== "git") throw error;
      ports.log.error("could not clone a repository", { taskId: work.taskId, error });
      throw new HoldfastError(
        "task",
        "prepare_failed",
        "The repository could not be cloned. See the server log for the cause.",
        {
          cause: error,
        },
      );
    });
    signal.throwIfAborted();
    const process = {
      gate,
      catalogue,
      limits,
      row,
      bundle: await bundle(),
      jailId: `${work.taskId}-${uuidv4(ports.random).slice(0, 8)}`,
      runDirectory,
      folders: { workspace, home },
      ...(work.group === undefined ? {} : { group: this.groups.require(work.group) }),
    };
    return { base, process };
  }

  /** Keeps a few idle agents warm for the next prompt, and evicts the others, longest idle first. */
  #onIdle(taskId: string): void {
    const { limits } = this.#options;
    const runner = this.#runners.get(taskId);
    if (runner === undefined || this.#closing) return;
    if (runner.isDormant) {
      this.#runners.delete(taskId);
      return;
    }
    clearTimeout(this.#idle.get(taskId));
    const timer = setTimeout(() => this.#evict(taskId), limits.idleAgentMs);
    timer.unref();
    this.#idle.delete(taskId);
    this.#idle.set(taskId, timer);
    for (const oldest of this.#idle.keys()) {
      if (this.#idle.size <= limits.maxIdleAgents) break;
      this.#evict(oldest);
    }
  }

  #evict(taskId: string): void {
    clearTimeout(this.#idle.get(taskId));
    this.#idle.delete(taskId);
    const runner = this.#runners.get(taskId);
    if (runner === undefined || runner.isRunning) return;
    void runner
      .stopAgent()
      .then(() => {
        if (runner.isDormant) this.#runners.delete(taskId);
      })
      .catch((error: unknown) => this.ports.log.warn("could not stop an idle agent", { taskId, error }));
  }
}
