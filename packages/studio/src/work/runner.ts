import type { Agent } from "node:http";
import { HoldfastError, isErrorCode, isHoldfastError, type Logger } from "@holdfast/core";
import type { AttachmentContent } from "../attachments/attachments.ts";
import type { ApprovalChoice } from "../backend/host.ts";
import { runnerReplaced } from "../backend/turns/reports.ts";
import type { TaskWork } from "../backend/turns/work.ts";
import type { Place } from "../cluster/place.ts";
import type { TaskError } from "../contract.ts";
import type { StudioLimits } from "../limits.ts";
import type { TaskUsageNotes } from "../usage/task-usage.ts";
import { abortable } from "./abortable.ts";
import type { AgentProcessOptions } from "./agent-process.ts";
import { type AgentSession, openAgentSession } from "./agent-session.ts";
import type { SessionBackend, TaskBackend } from "./backend.ts";
import { withBrief } from "./memory-brief.ts";
import { repeatIfInterrupted } from "./repeat-if-interrupted.ts";
import { renderTranscript, resumePrompt, withTranscript } from "./resume.ts";
import { SessionLog } from "./session-log.ts";
import { waitAtMost } from "./wait-at-most.ts";

export interface RunnerOptions {
  readonly taskId: string;
  readonly task: TaskBackend;
  readonly session: (sessionId: string) => SessionBackend;
  readonly limits: StudioLimits;
  readonly log: Logger;
  /** Clones the repository if necessary, and returns the options for the agent process. */
  readonly prepare: (work: TaskWork, signal: AbortSignal) => Promise<PreparedTask>;
  /** True on a node of a cluster: files come from where they are, and are stored at the end of each turn. */
  readonly movesFiles: boolean;
  /** A file of a prompt. Throws `attachment.not_found`. */
  readonly readAttachment: (id: string) => Promise<AttachmentContent>;
  /** Taints a session before untrusted text enters it; durable when it resolves. */
  readonly taint: (sessionId: string, reason: string) => Promise<void>;
  readonly usage: TaskUsageNotes;
  /** Called when no work is left. The agent keeps running until `stopAgent` is called. */
  readonly onIdle: () => void;
}

export interface PreparedTask {
  readonly base: { readonly branch: string; readonly commit: string };
  /** Where the files are, on a node of a cluster. */
  readonly place?: Place;
  readonly process: Omit<AgentProcessOptions, "session" | "usage" | "onRefusedCall" | "onEnvelope">;
}

const stopSlackMs = 150;
const abandonMs = 5_000;

/**
 * Runs the prompts of one task, one after the other. It has no durable state of its own: every step is recorded in the
 * task and the session log before the next one, so that another runner, in another process, can resume at any point.
 */
export class TaskRunner {
  readonly #options: RunnerOptions;
  #loop: Promise<void> | undefined;
  #wakePending = false;
  #agent: AgentSession | undefined;
  #turn = new AbortController();
  #halt: "stop" | "close" | "abandon" | undefined;
  #stopping: Promise<void> | undefined;
  #isInCopy = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** True if there is neither work nor an agent. */
  get isDormant(): boolean {
    return this.#loop === undefined && this.#agent === undefined;
  }

  get isRunning(): boolean {
    return this.#loop !== undefined;
  }

  /** True if its agent works in a copy of its own. */
  get isInCopy(): boolean {
    return this.#isInCopy;
  }

  /** HTTP agent for the task's sandbox server, while the agent runs. */
  get sandbox(): Agent | undefined {
    return this.#agent?.sandbox;
  }

  wake(): void {
    if (this.#isEnding) return;
    this.#wakePending = true;
    this.#loop ??= this.#run();
  }

  /** Aborts the current turn, then stops the agent and all processes that it started. Resolves within a second. */
  stop(): Promise<void> {
    // Concurrent stops share one run: a second run could abort work that starts after the first.
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#isEnding) return;
    this.#halt = "stop";
    this.#wakePending = false;
    const { stopGraceMs } = this.#options.limits;
    const loop = this.#loop ?? Promise.resolve();
    const agent = this.#agent;
    // A running agent can end its turn gracefully; one that is still starting cannot. A frozen jail does not take the
    // request, hence the time limit.
    if (agent !== undefined) await waitAtMost(stopGraceMs, Promise.all([agent.cancel(), loop]));
    this.#turn.abort(new HoldfastError("task", "stopped", "The task was stopped"));
    await waitAtMost(stopSlackMs, Promise.all([this.stopAgent(), loop]));
    // The server may have started to close during the stop; `close` takes precedence.
    if (this.#halt === "stop") this.#halt = undefined;
    if (this.#wakePending) this.wake();
  }

  /** True while the agent waits for the answer to this question. */
  async isAwaitingAnswer(approvalId: string): Promise<boolean> {
    return (await this.#agent?.isAwaitingAnswer(approvalId)) === true;
  }

  /** Returns false if no agent waits for it. */
  async deliverAnswer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    return (await this.#agent?.deliverAnswer(approvalId, choice)) ?? false;
  }

  /** Stops an idle agent. */
  async stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.stop();
  }

  /** Stops the agent, and leaves its questions to the next runner. */
  async #killAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.kill();
  }

  /** Stops for a server shutdown. The next server resumes unfinished work. */
  async close(): Promise<void> {
    this.#halt = "close";
    this.#turn.abort(new HoldfastError("task", "server_closing", "The server is shutting down"));
    await this.stopAgent();
    await this.#loop;
  }

  /**
   * Stops because another process runs the task from now on: reports nothing, and waits for no actor. Resolves when
   * the agent and its jail are gone. Idempotent.
   */
  async abandon(): Promise<void> {
    this.#halt = "abandon";
    this.#turn.abort(runnerReplaced());
    await this.#killAgent();
    // An agent that was starting is stopped by the loop.
    await waitAtMost(abandonMs, this.#loop ?? Promise.resolve());
  }

  async #run(): Promise<void> {
    try {
      while (this.#wakePending && this.#halt === undefined) {
        this.#wakePending = false;
        for (let work = await this.#next(); work !== undefined; work = await this.#next())
          await this.#runPrompt(work);
      }
    } catch (error) {
      if (isReplaced(error)) this.#halt = "abandon";
      // Only durable calls can fail here: the server is shutting down, or the disk is full. The prompt stays open and
      // is resumed at the next start.
      if (this.#halt !== "abandon")
        this.#options.log.error("could not continue a task", { taskId: this.#options.taskId, error });
      await (this.#halt === "abandon" ? this.#killAgent() : this.stopAgent());
    } finally {
      this.#loop = undefined;
    }
    if (this.#wakePending && this.#halt === undefined) this.wake();
    else this.#options.onIdle();
  }

  async #next(): Promise<TaskWork | undefined> {
    if (this.#isHalted) return undefined;
    // Create the controller before the request, so that a stop during the request also covers the work it returns.
    // That work is not started: the task has cancelled it, or hands it out again at the next start.
    const turn = new AbortController();
    this.#turn = turn;
    const work = await this.#options.task.next();
    if (!this.#isHalted && !turn.signal.aborted) return work;
    if (this.#halt === "close" && work !== undefined) await this.#reportInterrupted(work);
    return undefined;
  }

  get #isHalted(): boolean {
    return this.#halt !== undefined;
  }

  /** True if this runner starts nothing more. */
  get #isEnding(): boolean {
    return this.#halt === "close" || this.#halt === "abandon";
  }

  async #runPrompt(work: TaskWork): Promise<void> {
    const { task, session, limits } = this.#options;
    const log = new SessionLog(session(work.sessionId), limits);
    const { prompt } = work;
    try {
      const { attachments } = prompt;
      await log.append({
        body: { type: "prompt", text: prompt.text, ...(attachments === undefined ? {} : { attachments }) },
        dedupeKey: `prompt/${prompt.id}`,
      });
      if (prompt.attempt > 1 && (await this.#recoverAttempt(work, log))) return;
      await this.#options.usage.beginTurn(work);
      if (prompt.taint !== undefined) await this.#options.taint(work.taintedAs, prompt.taint);
      const agent = await this.#ensureAgent(work, log);
      await this.#chooseOptions(work, agent, log);
      const files = await Promise.all((attachments ?? []).map(({ id }) => this.#options.readAttachment(id)));
      const stopReason = await agent.prompt(
        await this.#composePrompt(work, agent, log),
        `sent/${prompt.id}/${prompt.attempt}`,
        files,
      );
      // A turn that has ended is in a snapshot, so that no node takes its files along when it dies.
      await this.#saveFiles(work, log);
      await log.append({ body: { type: "turn-ended", stopReason }, dedupeKey: `end/${prompt.id}` });
      await task.report({ type: "turn-ended", promptId: prompt.id });
    } catch (error) {
      await this.#handleFailure(work, log, error);
    }
  }

  /** Settles the leftovers of an earlier attempt. Returns true if that attempt had finished the turn. */
  async #recoverAttempt(work: TaskWork, log: SessionLog): Promise<boolean> {
    const { task, limits } = this.#options;
    const { prompt } = work;
    for (const approvalId of work.staleApprovals) {
      await log.append({
        body: { type: "approval-settled", approvalId, outcome: "cancelled" },
        dedupeKey: `settled/${approvalId}`,
      });
      await task.report({ type: "approval-settled", approvalId });
    }
    if (await log.hasRecord(`end/${prompt.id}`)) {
      await task.report({ type: "turn-ended", promptId: prompt.id });
      return true;
    }
    const reason = "The server stopped in the middle of this turn. The turn continues now.";
    await log.append({
      body: { type: "interrupted", reason },
      dedupeKey: `interrupted/${prompt.id}/${prompt.attempt}`,
    });
    if (prompt.attempt - (prompt.putDown ?? 0) > limits.maxAttempts) {
      const message = `The server stopped ${limits.maxAttempts} times while the agent worked on this prompt`;
      throw new HoldfastError("task", "interrupted_too_often", message);
    }
    return false;
  }

  async #ensureAgent(work: TaskWork, log: SessionLog): Promise<AgentSession> {
    const { task, prepare, limits } = this.#options;
    if (this.#agent?.alive === true) return this.#agent;
    await this.stopAgent();
    const { signal } = this.#turn;
    signal.throwIfAborted();
    if (this.#options.movesFiles) await repeatIfInterrupted(() => task.bringFiles(), signal);
    const { base, place, process } = await abortable(prepare(work, signal), signal);
    await task.report({ type: "prepared", base, ...(place === undefined ? {} : { place }) });
    // Another node may not have the repository.
    if (work.hasSnapshot !== true) await this.#saveFiles(work, log);
    signal.throwIfAborted();
    const agent = await openAgentSession({
      ...process,
      limits,
      task,
      log,
      usage: this.#options.usage,
      sessionId: work.sessionId,
      previous: work.agentSessionId,
      signal,
      hostLog: this.#options.log,
      onShowError: (error) => {
        // The next runner shows it.
        if (isReplaced(error)) return;
        const { taskId, log: hostLog } = this.#options;
        hostLog.error("could not show a question of the gate", { taskId, error });
      },
    });
    this.#agent = agent;
    this.#isInCopy = work.copy !== undefined;
    await log.append({ body: { type: "agent-started", agent: work.agent, resumed: agent.resumed } });
    await task.report({ type: "agent-ready", agentSessionId: agent.agentSessionId });
    signal.throwIfAborted();
    return agent;
  }

  /** Applies the options that people have chosen. One that the agent does not take is noted, and ends no turn. */
  async #chooseOptions({ options, prompt }: TaskWork, agent: AgentSession, log: SessionLog): Promise<void> {
    if (options === undefined) return;
    for (const [id, text] of await agent.choose(options))
      await log.append({ body: { type: "note", text }, dedupeKey: `option/${prompt.id}/${id}` });
  }

  /** Stores a snapshot of the files. A failure is noted in the log, and ends no turn. */
  async #saveFiles({ prompt }: TaskWork, log: SessionLog): Promise<void> {
    const { movesFiles, task, taskId, log: hostLog } = this.#options;
    if (!movesFiles) return;
    try {
      await repeatIfInterrupted(() => task.saveFiles(), this.#turn.signal);
    } catch (error) {
      // A runner that ends writes nothing more: the next one decides by the snapshot that is stored.
      if (isReplaced(error) || this.#isEnding) throw error;
      hostLog.warn("could not store the files of a task", { taskId, error });
      const reason = isHoldfastError(error) ? error.message : "See the server log for the cause.";
      const text = `The files of this task could not be stored for other nodes. ${reason}`;
      await log.append({
        body: { type: "note", text },
        dedupeKey: `unsaved/${prompt.id}/${prompt.attempt}`,
      });
    }
  }

  /** Composes the text for the agent: the prompt, plus the context that a new process needs. */
  async #composePrompt(work: TaskWork, agent: AgentSession, log: SessionLog): Promise<string> {
    const { session, limits } = this.#options;
    const { prompt } = work;
    let sent = false;
    for (let attempt = 1; attempt < prompt.attempt; attempt++)
      sent ||= await log.hasRecord(`sent/${prompt.id}/${attempt}`);
    const text = sent ? resumePrompt(prompt.text) : prompt.text;
    const message = agent.takeNeedsTranscript()
      ? withTranscript(await renderTranscript(session(work.sessionId), limits.maxTranscriptPromptBytes), text)
      : text;
    const brief = agent.takeBrief();
    return brief === undefined ? message : withBrief(brief, message);
  }

  async #handleFailure(work: TaskWork, log: SessionLog, error: unknown): Promise<void> {
    const { task, taskId } = this.#options;
    const { prompt } = work;
    if (this.#halt === "abandon" || isReplaced(error)) throw error;
    if (this.#halt === "close") return this.#reportInterrupted(work);
    await this.stopAgent();
    // A stop waits only briefly, so the turn that it aborted may end after it.
    if (this.#halt === "stop" || this.#turn.signal.aborted) {
      await log.append({
        body: { type: "turn-ended", stopReason: "cancelled" },
        dedupeKey: `end/${prompt.id}`,
      });
      return;
    }
    const taskError = this.#toTaskError(error);
    this.#options.log.warn("a turn failed", { taskId, group: taskError.group, code: taskError.code });
    await this.#saveFiles(work, log);
    await log.append({
      body: { type: "failed", error: taskError },
      dedupeKey: `failed/${prompt.id}/${prompt.attempt}`,
    });
    await task.report({ type: "failed", promptId: prompt.id, error: taskError });
  }

  /** Reports an interruption by an orderly shutdown, which never counts towards the attempt limit. */
  #reportInterrupted({ prompt }: TaskWork): Promise<void> {
    return this.#options.task.report({ type: "put-down", promptId: prompt.id });
  }

  #toTaskError(error: unknown): TaskError {
    if (isHoldfastError(error)) {
      const { group, code, message, metadata } = error;
      const { environment } = Object(metadata) as { readonly environment?: unknown };
      const isOfStep = group === "environment" && typeof environment === "string";
      return { group, code, message, ...(isOfStep ? { environment } : {}) };
    }
    this.#options.log.error("internal error in a task", { taskId: this.#options.taskId, error });
    return {
      group: "internal",
      code: "internal_error",
      message: "An internal error occurred. See the server log for details.",
    };
  }
}

/** True for an answer to a runner that is not the newest one of its task. */
function isReplaced(error: unknown): boolean {
  return isErrorCode(error, "task", "runner_replaced");
}
