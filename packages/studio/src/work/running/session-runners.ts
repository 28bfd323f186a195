import type { Agent } from "node:http";
import type { ApprovalChoice } from "../../backend/host.ts";
import type { TaskRunner } from "../runner.ts";

export interface SessionRunnersOptions {
  /** Creates the runner of a session, which calls `onIdle` whenever it has no work left. */
  readonly create: (sessionId: string, onIdle: () => void) => TaskRunner;
  /** Called when none of them has work left. */
  readonly onIdle: () => void;
}

/**
 * The runners of one task: one for each session that has worked in this process. They work side by side, each with an
 * agent and a jail of its own, so that a stop or a crash of one does not touch the others.
 */
export class SessionRunners {
  readonly #options: SessionRunnersOptions;
  readonly #runners = new Map<string, TaskRunner>();
  /** The session in whose sandbox the task's terminals are. */
  #sandboxOf: string | undefined;

  constructor(options: SessionRunnersOptions) {
    this.#options = options;
  }

  /** True if there is neither work nor an agent. */
  get isDormant(): boolean {
    return this.#all.every(({ isDormant }) => isDormant);
  }

  get isRunning(): boolean {
    return this.#all.some(({ isRunning }) => isRunning);
  }

  /**
   * HTTP agent for a sandbox server in the task's own workspace, while an agent runs. It stays the same for as long as it is there:
   * terminals and processes are in one of them.
   */
  get sandbox(): Agent | undefined {
    const current = this.#sandboxOf === undefined ? undefined : this.#runners.get(this.#sandboxOf)?.sandbox;
    if (current !== undefined) return current;
    const [found] = [...this.#runners].filter(
      ([, { sandbox, isInCopy }]) => sandbox !== undefined && !isInCopy,
    );
    this.#sandboxOf = found?.[0];
    return found?.[1].sandbox;
  }

  wake(sessionId: string): void {
    const known = this.#runners.get(sessionId);
    const runner = known ?? this.#options.create(sessionId, () => this.#onIdle());
    this.#runners.set(sessionId, runner);
    runner.wake();
  }

  /** Stops the agent of a session in the middle of its turn. Resolves within a second. */
  async stop(sessionId: string): Promise<void> {
    await this.#runners.get(sessionId)?.stop();
  }

  /** Stops the idle agent of a session that was closed. */
  async closeSession(sessionId: string): Promise<void> {
    await this.#runners.get(sessionId)?.stopAgent();
  }

  /** True while an agent waits for the answer to this question. */
  async isAwaitingAnswer(approvalId: string): Promise<boolean> {
    for (const runner of this.#all) if (await runner.isAwaitingAnswer(approvalId)) return true;
    return false;
  }

  /** Returns false if no agent waits for it. */
  async deliverAnswer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    for (const runner of this.#all) if (await runner.deliverAnswer(approvalId, choice)) return true;
    return false;
  }

  /** Stops idle agents. */
  async stopAgents(): Promise<void> {
    await Promise.all(this.#all.map((runner) => runner.stopAgent()));
  }

  /** Stops for a server shutdown. The next server resumes unfinished work. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((runner) => runner.close()));
  }

  /** Stops because another process runs the task from now on. Idempotent. */
  async abandon(): Promise<void> {
    await Promise.all(this.#all.map((runner) => runner.abandon()));
  }

  get #all(): readonly TaskRunner[] {
    return [...this.#runners.values()];
  }

  #onIdle(): void {
    if (!this.isRunning) this.#options.onIdle();
  }
}

/** The runners of a task, and the claim by which it knows them. */
export interface ClaimedRunners {
  readonly runners: SessionRunners;
  readonly claim: number;
  readonly settled: PromiseWithResolvers<void>;
}
