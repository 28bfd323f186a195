/** The runners of this process: those of each task, and what they prepare. */
import type { Logger } from "@holdfast/core";
import type { AttachmentContent } from "../../attachments/attachments.ts";
import type { TaskWork } from "../../backend/turns/work.ts";
import type { SandboxRoute } from "../../cluster/other-nodes.ts";
import type { StudioLimits } from "../../limits.ts";
import type { TaskUsageNotes } from "../../usage/task-usage.ts";
import type { SessionBackend, TaskBackend } from "../backend.ts";
import { IdleAgents } from "../idle-agents.ts";
import { type PreparedTask, TaskRunner } from "../runner.ts";
import { type ClaimedRunners, SessionRunners } from "./session-runners.ts";

export interface TaskRunnersOptions {
  readonly limits: StudioLimits;
  readonly log: Logger;
  /** The actor of a task, as a session of it, for the runner with this claim. */
  readonly task: (taskId: string, sessionId: string, claim: number) => TaskBackend;
  readonly session: (sessionId: string, claim: number) => SessionBackend;
  /** Makes what an agent needs. Two calls for one task never overlap. */
  readonly prepare: (work: TaskWork, signal: AbortSignal) => Promise<PreparedTask>;
  /** True on a node of a cluster: files come from where they are, and are stored at the end of each turn. */
  readonly movesFiles: boolean;
  readonly readAttachment: (id: string) => Promise<AttachmentContent>;
  readonly taint: (sessionId: string, reason: string) => Promise<void>;
  readonly newUsage: () => TaskUsageNotes;
}

/** The runners of all tasks of this process. Agents without work stay for a while, so that the next prompt finds them. */
export class TaskRunners {
  readonly #options: TaskRunnersOptions;
  readonly #runners = new Map<string, ClaimedRunners>();
  readonly #idle: IdleAgents;
  /** The latest preparation of each task, while it runs. */
  readonly #preparations = new Map<string, Promise<void>>();
  #closing = false;

  constructor(options: TaskRunnersOptions) {
    this.#options = options;
    const { idleAgentMs, maxIdleAgents } = options.limits;
    const evict = (taskId: string) => this.#evict(taskId);
    this.#idle = new IdleAgents({ idleMs: idleAgentMs, most: maxIdleAgents, evict });
  }

  /** The runners of a task, if it has run here. */
  of(taskId: string): SessionRunners | undefined {
    return this.#runners.get(taskId)?.runners;
  }

  claimOf(taskId: string): number | undefined {
    return this.#runners.get(taskId)?.claim;
  }

  /** Lets sessions of a task look for work. Runners with another claim are replaced. */
  wake(taskId: string, claim: number, sessionIds: readonly string[]): void {
    this.#idle.delete(taskId);
    const runners = this.#runnersOf(taskId, claim);
    for (const sessionId of sessionIds) runners.wake(sessionId);
  }

  /** Resolves when the runners that the task has now are gone. */
  settled(taskId: string): Promise<void> {
    return this.#runners.get(taskId)?.settled.promise ?? Promise.resolve();
  }

  /** Abandons the work of a task. Resolves when its agents and their jails are gone. */
  async release(taskId: string): Promise<void> {
    this.#idle.delete(taskId);
    await this.of(taskId)?.abandon();
    this.#forget(taskId);
  }

  /** The way to the sandbox server of a task, while its agent runs. */
  sandbox(taskId: string): SandboxRoute | undefined {
    const agent = this.of(taskId)?.sandbox;
    return agent === undefined ? undefined : { agent, prefix: "", hold: () => this.#idle.hold(taskId) };
  }

  /** Stops all agents. The next start resumes their work. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#idle.close();
    await Promise.all([...this.#runners.values()].map((each) => each.runners.close()));
  }

  #runnersOf(taskId: string, claim: number): SessionRunners {
    const existing = this.#runners.get(taskId);
    if (existing?.claim === claim) return existing.runners;
    if (existing !== undefined) this.#replace(taskId, existing);
    const { task, session, limits, log, movesFiles, readAttachment, taint, newUsage } = this.#options;
    const runners = new SessionRunners({
      create: (id, onIdle) =>
        new TaskRunner({
          taskId,
          task: task(taskId, id, claim),
          session: (sessionId) => session(sessionId, claim),
          ...{ limits, log, movesFiles, readAttachment, taint },
          prepare: (work, signal) => this.#prepareSerially(work, signal),
          usage: newUsage(),
          onIdle,
        }),
      onIdle: () => this.#onIdle(taskId, runners),
    });
    this.#runners.set(taskId, { runners, claim, settled: Promise.withResolvers() });
    return runners;
  }

  /** The next runners prepare when the jails of these, which use the same folders, are gone. */
  #replace(taskId: string, { runners }: ClaimedRunners): void {
    const before = this.#preparations.get(taskId);
    this.#forget(taskId);
    this.#preparations.set(
      taskId,
      Promise.all([before, runners.abandon()]).then(() => {}),
    );
  }

  #forget(taskId: string): void {
    this.#runners.get(taskId)?.settled.resolve();
    this.#runners.delete(taskId);
  }

  /**
   * Serializes the preparations of a task: a stop does not wait for a running clone, but the next prompt must, because
   * two clones into one folder would corrupt each other.
   */
  #prepareSerially(work: TaskWork, signal: AbortSignal): Promise<PreparedTask> {
    const { taskId } = work;
    const previous = this.#preparations.get(taskId) ?? Promise.resolve();
    const prepared = previous.then(() => this.#options.prepare(work, signal));
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

  /** Keeps a few idle agents warm for the next prompt, and evicts the others, longest idle first. */
  #onIdle(taskId: string, runners: SessionRunners): void {
    if (this.#runners.get(taskId)?.runners !== runners || this.#closing) return;
    if (runners.isDormant) {
      this.#forget(taskId);
      return;
    }
    this.#idle.add(taskId);
  }

  #evict(taskId: string): void {
    const runners = this.#runners.get(taskId)?.runners;
    if (runners === undefined || runners.isRunning) return;
    void runners
      .stopAgents()
      .then(() => {
        if (runners.isDormant && this.#runners.get(taskId)?.runners === runners) this.#forget(taskId);
      })
      .catch((error: unknown) => this.#options.log.warn("could not stop idle agents", { taskId, error }));
  }
}
