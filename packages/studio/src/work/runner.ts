import type { Agent } from "node:http";
import { HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { ApprovalChoice } from "../backend/host.ts";
import type { TaskWork } from "../backend/task-state.ts";
import type { TaskError } from "../contract.ts";
import type { StudioLimits } from "../limits.ts";
import type { AgentProcessOptions } from "./agent-process.ts";
import { type AgentSession, openAgentSession } from "./agent-session.ts";
import type { SessionBackend, TaskBackend } from "./backend.ts";
import { withBrief } from "./memory-brief.ts";
import { continueText, transcriptText, withTranscript } from "./resume.ts";
import { SessionLog } from "./session-log.ts";
import { within } from "./within.ts";

export interface RunnerOptions {
  readonly taskId: string;
  readonly task: TaskBackend;
  readonly session: (sessionId: string) => SessionBackend;
  readonly limits: StudioLimits;
  readonly log: Logger;
  /** Clones the repository where that has not been done, and says what an agent's process needs. */
  readonly prepare: (work: TaskWork, signal: AbortSignal) => Promise<PreparedTask>;
  /** Words from outside are about to enter a session; durable when it resolves. */
  readonly taint: (sessionId: string, reason: string) => Promise<void>;
  /** Told when nothing is left to do; the agent waits for more until `rest` is called. */
  readonly onIdle: () => void;
}

export interface PreparedTask {
  readonly base: { readonly branch: string; readonly commit: string };
  readonly process: Omit<AgentProcessOptions, "session" | "onUsage" | "onEnvelope">;
}

const stopSlackMs = 150;

/**
 * Works on the prompts of one task, one after the other. It keeps nothing that matters: what it has done
 * is in the task and in the session's log before it does the next thing, so that another runner, in
 * another process, can go on from any point.
 */
export class TaskRunner {
  readonly #options: RunnerOptions;
  #loop: Promise<void> | undefined;
  #again = false;
  #agent: AgentSession | undefined;
  #turn = new AbortController();
  #halt: "stop" | "close" | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** True when there is neither work nor an agent. */
  get resting(): boolean {
    return this.#loop === undefined && this.#agent === undefined;
  }

  get working(): boolean {
    return this.#loop !== undefined;
  }

  /** The way to the sandbox server of the task, while its agent is there. */
  get sandbox(): Agent | undefined {
    return this.#agent?.sandbox;
  }

  wake(): void {
    if (this.#halt === "close") return;
    this.#again = true;
    this.#loop ??= this.#run();
  }

  /** Ends the current turn, then the agent with everything that it started. Resolves within a second. */
  stop(): Promise<void> {
    // Two at a time are one: the second would break off what is begun when the first has ended.
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#halt === "close") return;
    this.#halt = "stop";
    this.#again = false;
    const { stopGraceMs } = this.#options.limits;
    const loop = this.#loop ?? Promise.resolve();
    const agent = this.#agent;
    // An agent that is asked can end its turn in order; one that is only starting cannot. A jail in which
    // nothing answers any more does not even take the question.
    if (agent !== undefined) await within(stopGraceMs, Promise.all([agent.cancel(), loop]));
    this.#turn.abort(new HoldfastError("task", "stopped", "The task was stopped"));
    await within(stopSlackMs, Promise.all([this.rest(), loop]));
    // The server may have begun to close meanwhile, and stays so.
    if (this.#halt === "stop") this.#halt = undefined;
    if (this.#again) this.wake();
  }

  /** True while the agent waits for the answer to this question. */
  waits(approvalId: string): boolean {
    return this.#agent?.waits(approvalId) === true;
  }

  /** False when no agent waits for it. */
  async answer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    return (await this.#agent?.answer(approvalId, choice)) ?? false;
  }

  /** Ends an agent that has nothing to do. */
  async rest(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.end();
  }

  /** The server ends: what is under way is begun again by the next one. */
  async close(): Promise<void> {
    this.#halt = "close";
    this.#turn.abort(new HoldfastError("task", "server_closing", "The server is shutting down"));
    await this.rest();
    await this.#loop;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && this.#halt === undefined) {
        this.#again = false;
        for (let work = await this.#next(); work !== undefined; work = await this.#next())
          await this.#work(work);
      }
    } catch (error) {
      // Only the durable side can fail here: the server shuts down, or its disk is full. What is not
      // done stays a prompt that is not done, and is begun again at the next start.
      this.#options.log.error("a task cannot go on", { taskId: this.#options.taskId, error });
      await this.rest();
    } finally {
      this.#loop = undefined;
    }
    if (this.#again && this.#halt === undefined) this.wake();
    else this.#options.onIdle();
  }

  async #next(): Promise<TaskWork | undefined> {
    if (this.#halted) return undefined;
    // Made before the task is asked: whoever stops while it answers means the work that it gives out, and
    // so it is not begun. The task has cancelled it, or gives it out again at the next start.
    const turn = new AbortController();
    this.#turn = turn;
    const work = await this.#options.task.next();
    if (!this.#halted && !turn.signal.aborted) return work;
    if (this.#halt === "close" && work !== undefined) await this.#putDown(work);
    return undefined;
  }

  get #halted(): boolean {
    return this.#halt !== undefined;
  }

  async #work(work: TaskWork): Promise<void> {
    const { task, session, limits } = this.#options;
    const log = new SessionLog(session(work.sessionId), limits);
    const { prompt } = work;
    try {
      await log.append({ body: { type: "prompt", text: prompt.text }, once: `prompt/${prompt.id}` });
      if (prompt.attempt > 1 && (await this.#takeUp(work, log))) return;
      if (prompt.taint !== undefined) await this.#options.taint(work.sessionId, prompt.taint);
      const agent = await this.#ready(work, log);
      const stopReason = await agent.prompt(
        await this.#text(work, agent, log),
        `sent/${prompt.id}/${prompt.attempt}`,
      );
      await log.append({ body: { type: "turn-ended", stopReason }, once: `end/${prompt.id}` });
      await task.report({ type: "turn-ended", promptId: prompt.id });
    } catch (error) {
      await this.#failed(work, log, error);
    }
  }

  /** What a runner before this one has left of the prompt. True when it had ended already. */
  async #takeUp(work: TaskWork, log: SessionLog): Promise<boolean> {
    const { task, limits } = this.#options;
    const { prompt } = work;
    for (const approvalId of work.staleApprovals) {
      await log.append({
        body: { type: "approval-settled", approvalId, outcome: "cancelled" },
        once: `settled/${approvalId}`,
      });
      await task.report({ type: "approval-settled", approvalId });
    }
    if (await log.has(`end/${prompt.id}`)) {
      await task.report({ type: "turn-ended", promptId: prompt.id });
      return true;
    }
    const reason = "The server was ended in the middle of this turn. It goes on now.";
    await log.append({
      body: { type: "interrupted", reason },
      once: `interrupted/${prompt.id}/${prompt.attempt}`,
    });
    if (prompt.attempt - (prompt.putDown ?? 0) > limits.maxAttempts) {
      const message = `The server was ended ${limits.maxAttempts} times while the agent worked on this prompt`;
      throw new HoldfastError("task", "interrupted_too_often", message);
    }
    return false;
  }

  async #ready(work: TaskWork, log: SessionLog): Promise<AgentSession> {
    const { task, prepare, limits } = this.#options;
    if (this.#agent?.alive === true) return this.#agent;
    await this.rest();
    const { signal } = this.#turn;
    signal.throwIfAborted();
    const prepared = await abortable(prepare(work, signal), signal);
    await task.report({ type: "prepared", base: prepared.base });
    signal.throwIfAborted();
    const agent = await openAgentSession({
      ...prepared.process,
      limits,
      task,
      log,
      sessionId: work.sessionId,
      previous: work.agentSessionId,
      signal,
      hostLog: this.#options.log,
      onLost: (error) => {
        const { taskId, log: hostLog } = this.#options;
        hostLog.error("a question of the gate cannot be shown", { taskId, error });
      },
    });
    this.#agent = agent;
    await log.append({ body: { type: "agent-started", agent: work.agent, resumed: agent.resumed } });
    await task.report({ type: "agent-ready", agentSessionId: agent.agentSessionId });
    signal.throwIfAborted();
    return agent;
  }

  /** What the agent is told: the prompt, and what a new process of it has to know beside it. */
  async #text(work: TaskWork, agent: AgentSession, log: SessionLog): Promise<string> {
    const { session, limits } = this.#options;
    const { prompt } = work;
    let sent = false;
    for (let attempt = 1; attempt < prompt.attempt; attempt++)
      sent ||= await log.has(`sent/${prompt.id}/${attempt}`);
    const text = sent ? continueText(prompt.text) : prompt.text;
    const told = agent.takeNeedsTranscript()
      ? withTranscript(await transcriptText(session(work.sessionId), limits.maxTranscriptPromptBytes), text)
      : text;
    const brief = agent.takeBrief();
    return brief === undefined ? told : withBrief(brief, told);
  }

  async #failed(work: TaskWork, log: SessionLog, error: unknown): Promise<void> {
    const { task, taskId } = this.#options;
    const { prompt } = work;
    if (this.#halt === "close") return this.#putDown(work);
    await this.rest();
    // A stop waits for a moment only: what it broke off may come to its end when it is over.
    if (this.#halt === "stop" || this.#turn.signal.aborted) {
      await log.append({ body: { type: "turn-ended", stopReason: "cancelled" }, once: `end/${prompt.id}` });
      return;
    }
    const told = this.#describe(error);
    this.#options.log.warn("a turn failed", { taskId, group: told.group, code: told.code });
    await log.append({
      body: { type: "failed", error: told },
      once: `failed/${prompt.id}/${prompt.attempt}`,
    });
    await task.report({ type: "failed", promptId: prompt.id, error: told });
  }

  /** A server that ends in order is no reason to give a prompt up, however often it happens. */
  #putDown({ prompt }: TaskWork): Promise<void> {
    return this.#options.task.report({ type: "put-down", promptId: prompt.id });
  }

  #describe(error: unknown): TaskError {
    if (isHoldfastError(error)) return { group: error.group, code: error.code, message: error.message };
    this.#options.log.error("internal error in a task", { taskId: this.#options.taskId, error });
    return {
      group: "internal",
      code: "internal_error",
      message: "An internal error occurred; the log has it",
    };
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
