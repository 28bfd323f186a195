import { rm } from "node:fs/promises";
import type { Ports } from "@holdfast/core";
import type { AuditEntry, Gate, ModelPrice } from "@holdfast/gate";
import { type Identify, operator, type Person, unauthorized } from "./access/person.ts";
import type { Administration } from "./administration/administration.ts";
import type { AgentCatalogue } from "./agents.ts";
import type { Attachments } from "./attachments/attachments.ts";
import type { GroupEvent } from "./backend/group-state.ts";
import type { ApprovalChoice, BackendHost, ResolvableSession } from "./backend/host.ts";
import type { TaskWork } from "./backend/turns/work.ts";
import type { BudgetSubject } from "./backend/usage/budgets.ts";
import type { ValueTokens } from "./backend/value-tokens.ts";
import { TaskChanges } from "./changes/task-changes.ts";
import { Checks } from "./checks/checks.ts";
import type { OrganizationFiles } from "./cluster/all-nodes/organization-files.ts";
import type { ClusterSandboxes } from "./cluster/all-nodes/sandboxes.ts";
import { type ArchiveOptions, archiveTask, restoreTask } from "./cluster/archive.ts";
import type { ClusterEnvironments } from "./cluster/environments.ts";
import { nodePaths, type OtherNodes, type SandboxRoute } from "./cluster/other-nodes.ts";
import type { Place } from "./cluster/place.ts";
import type { Repositories, UserRepository } from "./cluster/repositories.ts";
import type { Archives } from "./cluster/snapshot-store.ts";
import type { AgentChoice, RepositoryCheck, SystemStatus } from "./contract.ts";
import type { Environments } from "./environments/environments.ts";
import { type ApplyPlan, requireBranchName } from "./git/apply.ts";
import { FileFinder } from "./git/file-finder.ts";
import type { Git } from "./git/git.ts";
import type { GroupRegistry } from "./groups/group-registry.ts";
import { groupRepository } from "./groups/group-repository.ts";
import type { GroupSettings } from "./groups/group-settings.ts";
import { resolveSession } from "./groups/resolve-session.ts";
import type { GuestBundle } from "./jail/bundle.ts";
import type { StudioLimits } from "./limits.ts";
import type { RepositoryConnections } from "./remotes/connections.ts";
import type { Mirrors } from "./remotes/mirrors.ts";
import type { MachineStatus } from "./status.ts";
import type { StudioOptions } from "./studio.ts";
import type { UsageMeter } from "./usage/meter.ts";
import { TaskUsageMeter } from "./usage/task-usage.ts";
import type { SessionBackend, TaskBackend } from "./work/backend.ts";
import { Copies, foldersOf, type WorkFolders } from "./work/files/copies.ts";
import { directorySize } from "./work/files/directory-size.ts";
import { ForgeAccess } from "./work/forge-access.ts";
import { deliverGateAnswer, isGateQuestionOpen, settleShownQuestion } from "./work/gate-questions.ts";
import type { PreparedTask } from "./work/runner.ts";
import { prepareTask } from "./work/running/prepare-task.ts";
import { TaskRunners } from "./work/running/task-runners.ts";
import { SessionLog } from "./work/session-log.ts";

export interface StudioHostOptions extends Pick<BackendHost, "notifications" | "billing"> {
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
  readonly repositories: Repositories;
  readonly connections: RepositoryConnections;
  readonly mirrors: Pick<Mirrors, "close" | "fetch" | "commitOf">;
  readonly environments: ClusterEnvironments;
  /** Those that this node prepares. */
  readonly ownEnvironments: Environments;
  readonly organizationFiles: OrganizationFiles;
  readonly others: OtherNodes;
  readonly system: (tasks: SystemStatus["tasks"]) => Promise<MachineStatus>;
  readonly sandboxes: ClusterSandboxes;
  /** The actor of a task, as a session of it, for the runner with this claim, or for the process itself. */
  readonly task: (taskId: string, sessionId: string, claim?: number) => TaskBackend;
  readonly session: (sessionId: string, claim?: number) => SessionBackend;
  readonly valueTokens: ValueTokens;
  /** True on a node of a cluster. */
  readonly runsWithActor: boolean;
  readonly place: Place;
  /** False on a node that does not run tasks, and needs no jails. */
  readonly servesTasks: boolean;
  readonly groups: GroupRegistry;
  readonly attachments: Attachments;
  readonly identify: Identify;
  readonly meter: UsageMeter;
  readonly administration: Administration;
  readonly runTasks: NonNullable<StudioOptions["runTasks"]>;
}

/** The process around the actors: owns the task runners, and provides git and the gate to the actors. */
export class StudioHost implements BackendHost {
  readonly ports: Ports;
  readonly notifications: BackendHost["notifications"];
  readonly billing: BackendHost["billing"];
  readonly #options: StudioHostOptions;
  readonly #runners: TaskRunners;
  /** Gate questions that are settled in their task as soon as the gate settles them. */
  readonly #watchedQuestions = new Set<string>();
  /** Tasks created by this process, for `runTasks: "new"`. */
  readonly #createdHere = new Set<string>();
  readonly forges: ForgeAccess;
  readonly fileFinder: FileFinder;
  readonly attachments: Attachments;
  readonly valueTokens: ValueTokens;
  readonly place: Place;
  readonly repositories: Repositories;
  readonly environments: ClusterEnvironments;
  readonly sandboxes: ClusterSandboxes;
  readonly organizationFiles: OrganizationFiles;
  readonly connections: RepositoryConnections;
  readonly groups: GroupRegistry;
  readonly administration: Administration;
  readonly repositoryReconcileMs: number;
  readonly pullRequestReadMs: number;
  readonly changes: TaskChanges;
  readonly checks: Checks;
  readonly copies: Copies;
  #closing = false;

  constructor(options: StudioHostOptions) {
    this.#options = options;
    ({
      attachments: this.attachments,
      ports: this.ports,
      valueTokens: this.valueTokens,
      place: this.place,
      repositories: this.repositories,
      environments: this.environments,
      sandboxes: this.sandboxes,
      organizationFiles: this.organizationFiles,
      connections: this.connections,
      groups: this.groups,
      administration: this.administration,
    } = options);
    this.repositoryReconcileMs = options.limits.repositoryReconcileMs;
    this.pullRequestReadMs = options.limits.pullRequestReadMs;
    this.copies = new Copies(options.dataDirectory, options.limits.maxCountedFiles);
    this.notifications = options.notifications;
    this.billing = options.billing;
    this.#runners = new TaskRunners({
      ...{ limits: options.limits, log: options.ports.log, task: options.task, session: options.session },
      movesFiles: options.runsWithActor,
      prepare: (work, signal) => this.#prepare(work, signal),
      readAttachment: (id) => options.attachments.read(id),
      taint: (sessionId, reason) => options.gate.taint(sessionId, reason),
      newUsage: () => new TaskUsageMeter(options.meter),
    });
    const located = { ...options, hostGit: (taskId: string) => this.#folders(taskId).hostGit };
    this.fileFinder = new FileFinder(located);
    this.forges = new ForgeAccess(located);
    const folders = (taskId: string, copy?: string) => this.#folders(taskId, copy);
    this.changes = new TaskChanges({ ...options, folders });
    this.checks = new Checks({ ...options, folders });
  }

  get runsWithActor(): boolean {
    return this.#options.runsWithActor;
  }

  /** Continues the preparations of environments that an earlier process left unfinished. */
  recoverEnvironments(): Promise<void> {
    return this.#options.ownEnvironments.recover();
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

  checkRepository(path: string): Promise<RepositoryCheck> {
    return this.#options.repositories.find(path);
  }

  requireJails() {
    if (!this.#options.servesTasks) return;
    const { refusal } = this.#options.gate.jails.driver;
    if (refusal !== undefined) throw refusal;
  }

  async listAgents(): Promise<readonly AgentChoice[]> {
    const { servesTasks, catalogue, others } = this.#options;
    const [node] = servesTasks ? [] : others.serving("task");
    // Tasks run elsewhere, with the agents that are installed there.
    return node === undefined ? catalogue.list() : others.ask(node, nodePaths.agents, {});
  }

  system(tasks: SystemStatus["tasks"]): Promise<MachineStatus> {
    return this.#options.system(tasks);
  }

  creating(taskId: string): void {
    if (this.#options.runTasks === "new") this.#createdHere.add(taskId);
  }

  runs(taskId: string): boolean {
    const { runTasks } = this.#options;
    if (this.#closing) return false;
    if (typeof runTasks === "boolean") return runTasks;
    return runTasks === "new" ? this.#createdHere.has(taskId) : runTasks.task === taskId;
  }

  claimOf(taskId: string): number | undefined {
    return this.#runners.claimOf(taskId);
  }

  wake(taskId: string, claim: number, sessionIds: readonly string[]): void {
    if (this.runs(taskId) && sessionIds.length > 0) this.#runners.wake(taskId, claim, sessionIds);
  }

  settled(taskId: string): Promise<void> {
    return this.#runners.settled(taskId);
  }

  release(taskId: string): Promise<void> {
    return this.#runners.release(taskId);
  }

  /** The way to the sandbox server of a task of this process, while its agent runs. */
  sandbox(taskId: string): SandboxRoute | undefined {
    return this.#runners.sandbox(taskId);
  }

  async stop(taskId: string, sessionId: string): Promise<void> {
    await this.#runners.of(taskId)?.stop(sessionId);
  }

  async closeSession(taskId: string, sessionId: string): Promise<void> {
    await this.#runners.of(taskId)?.closeSession(sessionId);
    await this.#options.gate.approvals.cancelSession(sessionId);
  }

  async isAwaitingAnswer(taskId: string, approvalId: string): Promise<boolean> {
    return (
      (await isGateQuestionOpen(this.#options.gate, approvalId)) ||
      (await this.#runners.of(taskId)?.isAwaitingAnswer(approvalId)) === true
    );
  }

  async deliverAnswer(taskId: string, approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    const onRuleError = (error: unknown) =>
      this.ports.log.error("could not write a policy rule", { taskId, error });
    if (await deliverGateAnswer(this.#options.gate, taskId, approvalId, choice, onRuleError)) return true;
    return (await this.#runners.of(taskId)?.deliverAnswer(approvalId, choice)) ?? false;
  }

  watchQuestion(taskId: string, sessionId: string, approvalId: string): void {
    if (this.#closing || this.#watchedQuestions.has(approvalId)) return;
    this.#watchedQuestions.add(approvalId);
    const { gate, task, session, limits } = this.#options;
    const log = new SessionLog(session(sessionId), limits);
    void settleShownQuestion({ gate, task: task(taskId, sessionId), log }, approvalId)
      .catch((error: unknown) =>
        this.ports.log.warn("could not settle a question of the gate", { taskId, error }),
      )
      .finally(() => this.#watchedQuestions.delete(approvalId));
  }

  archiveFiles(taskId: string): Archives {
    return archiveTask(this.#archiveOptions(taskId));
  }

  async restoreFiles(taskId: string, archives: Archives | undefined): Promise<void> {
    const { directory } = this.#folders(taskId);
    if (archives === undefined) await rm(directory, { recursive: true, force: true });
    else await restoreTask(this.#archiveOptions(taskId), archives);
  }

  filesSize(taskId: string): Promise<{ readonly bytes: number; readonly isComplete: boolean }> {
    return directorySize(this.#folders(taskId).directory, this.#options.limits.maxCountedFiles);
  }

  async personOf(request: Request | undefined): Promise<Person> {
    if (request === undefined) return operator;
    const header = (name: string) => request.headers.get(name) ?? undefined;
    const person = await this.#options.identify({ header });
    if (person !== undefined) return person;
    // A call of another node's own process arrives as a request without a login; the nodes have checked each other.
    if (this.runsWithActor) return operator;
    // Their session ended after the request had been checked.
    throw unauthorized();
  }

  #archiveOptions(taskId: string): ArchiveOptions {
    const { gate, snapshotDirectory } = this.#options;
    const { directory } = this.#folders(taskId);
    return { jails: gate.jails, session: taskId, directory, temporary: snapshotDirectory };
  }

  async note(_taskId: string, sessionId: string, text: string, dedupeKey: string): Promise<void> {
    await this.#options.session(sessionId).append({ records: [{ body: { type: "note", text }, dedupeKey }] });
  }

  snapshot(taskId: string, copy?: string): Promise<string> {
    return this.changes.snapshot(taskId, copy);
  }

  branchName(repository: UserRepository, title: string): Promise<string> {
    return this.#options.repositories.branchName(repository, title);
  }

  requireBranchName(branch: string): Promise<void> {
    return requireBranchName(this.#options.git, branch);
  }

  async apply(taskId: string, target: UserRepository, plan: ApplyPlan) {
    const { repositories, gate } = this.#options;
    const repository = target.path;
    const audit = { session: taskId, data: { repository, branch: plan.branch, tree: plan.tree } };
    await gate.audit.append({ type: "apply.begin", ...audit });
    const result = await repositories.apply(this.#folders(taskId).hostGit, target, plan);
    await gate.audit.append({ type: "apply.done", session: taskId, data: { repository, ...result } });
    return result;
  }

  remotes(repository: UserRepository): Promise<readonly string[]> {
    return this.#options.repositories.remotes(repository);
  }

  get configuredPrices(): readonly ModelPrice[] {
    return this.#options.gate.prices.configured;
  }

  requireBudget(subject: BudgetSubject, organization: string): Promise<void> {
    return this.#options.meter.requireBudget(subject, organization);
  }

  audit(entry: AuditEntry): Promise<void> {
    return this.#options.gate.audit.note(entry);
  }

  /** Stops all agents. The next start resumes their work. */
  async close(): Promise<void> {
    this.#closing = true;
    const { ownEnvironments, mirrors } = this.#options;
    await this.organizationFiles.close();
    await Promise.all([
      ...[this.#runners.close(), this.checks.close(), ownEnvironments.close(), mirrors.close()],
    ]);
  }

  async #prepare(work: TaskWork, signal: AbortSignal): Promise<PreparedTask> {
    const options = { ...this.#options, environments: this.#options.ownEnvironments };
    const prepared = await prepareTask(options, work, signal);
    return this.runsWithActor ? { ...prepared, place: this.place } : prepared;
  }

  #folders(taskId: string, copy?: string): WorkFolders {
    return foldersOf(this.#options.dataDirectory, taskId, copy);
  }
}
