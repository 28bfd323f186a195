import type { Agent } from "node:http";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { Envelope, RpcId } from "@holdfast/sandbox-client";
import type { AttachmentContent } from "../attachments/attachments.ts";
import type { ApprovalChoice } from "../backend/host.ts";
import { field, text } from "../transcript/read.ts";
import { studioVersion } from "../version.ts";
import { type AgentProcess, type AgentProcessOptions, startAgentProcess } from "./agent-process.ts";
import { Approver } from "./approver.ts";
import type { TaskBackend } from "./backend.ts";
import { GateQuestions } from "./gate-questions.ts";
import { loadMemoryBrief, type MemoryBrief } from "./memory-brief.ts";
import { ToolCallHistory } from "./permission.ts";
import { type PromptCapabilities, promptContent, readPromptCapabilities } from "./prompt/prompt-content.ts";
import { SessionOptions } from "./prompt/session-options.ts";
import type { SessionLog } from "./session-log.ts";
import { waitAtMost } from "./wait-at-most.ts";

export interface AgentSessionOptions
  extends Omit<AgentProcessOptions, "session" | "onRefusedCall" | "onEnvelope"> {
  readonly task: TaskBackend;
  readonly log: SessionLog;
  readonly sessionId: string;
  /** The agent's own id of its previous session, if any. */
  readonly previous: string | undefined;
  readonly signal: AbortSignal;
  readonly hostLog: Logger;
  /** Called when a question of the gate cannot be shown. */
  readonly onShowError: (error: unknown) => void;
}

/** A running agent with an open ACP session. */
export interface AgentSession {
  readonly agentSessionId: string;
  readonly resumed: "new" | "native" | "transcript";
  readonly alive: boolean;
  /** HTTP agent for the sandbox server in the jail; undefined after the agent has exited. */
  readonly sandbox: Agent | undefined;
  /** The group's memory for the first prompt of a session. Returns it once. */
  takeBrief(): MemoryBrief | undefined;
  /** Returns true once if the agent needs a transcript of the earlier conversation. */
  takeNeedsTranscript(): boolean;
  /**
   * Resolves with ACP's stop reason. `dedupeKey` marks the log record of the prompt. Files go to the agent with the text
   * if it takes them, and otherwise into its workspace.
   */
  prompt(text: string, dedupeKey: string, files?: readonly AttachmentContent[]): Promise<string>;
  /** Applies chosen options that the agent offers. Returns why others were not applied, by their ids. */
  choose(options: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>>;
  /** Asks the agent to end its turn; resolves when the agent has the message or the grace period is over. */
  cancel(): Promise<void>;
  /** True while the agent waits for the answer to this question. */
  isAwaitingAnswer(approvalId: string): Promise<boolean>;
  /** Returns false if the agent is not waiting for it. */
  deliverAnswer(approvalId: string, choice: ApprovalChoice): Promise<boolean>;
  stop(): Promise<void>;
  /** Like {@link stop}, without settling its questions, which needs the task. */
  kill(): Promise<void>;
}

/**
 * Starts an agent in a jail and loads its previous session if possible; otherwise opens a new one. Throws
 * `agent.start_timed_out`, `agent.protocol_mismatch`, `agent.exited`, `agent.refused`.
 */
export async function openAgentSession(options: AgentSessionOptions): Promise<AgentSession> {
  const session = new LiveSession(options);
  await session.open();
  return session;
}

const methodNotFound = { code: -32601, message: "The client does not support this method" };

class LiveSession implements AgentSession {
  agentSessionId = "";
  resumed: AgentSession["resumed"] = "new";
  readonly #options: AgentSessionOptions;
  #process: AgentProcess | undefined;
  #approver: Approver | undefined;
  #questions: GateQuestions | undefined;
  readonly #calls = new ToolCallHistory();
  #alive = true;
  #needsTranscript = false;
  #brief: MemoryBrief | undefined;
  #promptCapabilities: PromptCapabilities = {};
  readonly #agentOptions = new SessionOptions();
  #promptDedupeKey: string | undefined;
  /** Rejects when the session cannot continue: the agent exited, or its messages cannot be logged. */
  readonly #failure = Promise.withResolvers<never>();

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#failure.promise.catch(() => {});
  }

  get alive(): boolean {
    return this.#alive;
  }

  get sandbox(): Agent | undefined {
    return this.#alive ? this.#process?.sandbox : undefined;
  }

  async open(): Promise<void> {
    const { limits, signal } = this.#options;
    const timeout = new HoldfastError(
      "agent",
      "start_timed_out",
      `The agent did not respond within ${limits.agentStartTimeoutMs} ms of its start`,
    );
    // Limits the start only; a turn has no time limit.
    const timer = setTimeout(() => this.#failure.reject(timeout), limits.agentStartTimeoutMs);
    signal.addEventListener("abort", () => this.#failure.reject(signal.reason), { once: true });
    try {
      const starting = this.#start();
      // An abandoned start still completes; `#start` stops the process then.
      starting.catch(() => {});
      await Promise.race([starting, this.#failure.promise]);
      await this.#handshake();
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  takeBrief(): MemoryBrief | undefined {
    const brief = this.#brief;
    this.#brief = undefined;
    return brief;
  }

  takeNeedsTranscript(): boolean {
    const needs = this.#needsTranscript;
    this.#needsTranscript = false;
    return needs;
  }

  async prompt(prompt: string, dedupeKey: string, files: readonly AttachmentContent[] = []): Promise<string> {
    const { blocks, placed } = promptContent(prompt, files, this.#promptCapabilities, this.#options.limits);
    for (const { path, content } of placed) await this.#process?.writeFile(path, content);
    this.#promptDedupeKey = dedupeKey;
    const result = await this.#request("session/prompt", { sessionId: this.agentSessionId, prompt: blocks });
    return text(field(result, "stopReason"), 100) || "end_turn";
  }

  choose(options: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
    return this.#agentOptions.choose(options, (method, params) =>
      this.#request(method, { sessionId: this.agentSessionId, ...params }),
    );
  }

  async cancel(): Promise<void> {
    if (!this.#alive || this.#process === undefined) return;
    const notified = this.#process.connection.notify("session/cancel", { sessionId: this.agentSessionId });
    // A frozen jail never takes the message. The agent is stopped all the same.
    const settled = Promise.race([notified, this.#failure.promise]).catch(() => {});
    await waitAtMost(this.#options.limits.stopGraceMs / 2, settled);
    await this.#approver?.cancelAll();
    // A stop also withdraws the questions of the gate about this work.
    await this.#options.gate.approvals.cancelSession(this.#options.sessionId);
  }

  async isAwaitingAnswer(approvalId: string): Promise<boolean> {
    return this.#alive && (await this.#approver?.isAwaitingAnswer(approvalId)) === true;
  }

  async deliverAnswer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    if (!this.#alive) return false;
    return (await this.#approver?.deliverAnswer(approvalId, choice)) ?? false;
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#approver?.cancelAll();
  }

  async kill(): Promise<void> {
    this.#alive = false;
    this.#failure.reject(new HoldfastError("agent", "ended", "The agent was stopped"));
    await this.#process?.stop(0);
    this.#questions?.close();
  }

  async #start(): Promise<void> {
    const { task, sessionId, log, gate, onShowError } = this.#options;
    this.#questions = new GateQuestions({ gate, task, log, sessionId, onShowError: onShowError });
    const process = await startAgentProcess({
      ...this.#options,
      session: sessionId,
      // A turn without its model goes nowhere: the agent would only try again.
      onRefusedCall: (error) => this.#failure.reject(error),
      onEnvelope: (envelope) => this.#onEnvelope(envelope),
    });
    this.#process = process;
    void process.exited.then((error) => {
      this.#alive = false;
      this.#failure.reject(error);
    });
    if (!this.#alive) await process.stop(0);
  }

  async #handshake(): Promise<void> {
    const { previous } = this.#options;
    const cwd = this.#process?.cwd ?? "/";
    const initialized = await this.#request("initialize", {
      protocolVersion: 1,
      clientInfo: { name: "holdfast", title: "Holdfast", version: studioVersion },
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    });
    if (field(initialized, "protocolVersion") !== 1) {
      throw new HoldfastError("agent", "protocol_mismatch", "The agent does not support version 1 of ACP");
    }
    await this.#loadBrief();
    const capabilities = field(initialized, "agentCapabilities");
    this.#promptCapabilities = readPromptCapabilities(field(capabilities, "promptCapabilities"));
    const canLoad = field(capabilities, "loadSession") === true;
    if (previous !== undefined && canLoad && (await this.#load(previous, cwd))) {
      this.agentSessionId = previous;
      this.resumed = "native";
      return;
    }
    const created = await this.#request("session/new", { cwd, mcpServers: this.#process?.mcpServers ?? [] });
    this.#agentOptions.offer(created);
    this.agentSessionId = text(field(created, "sessionId"), 500);
    if (this.agentSessionId === "") {
      throw new HoldfastError("agent", "refused", "The agent opened a session without an id");
    }
    this.resumed = previous === undefined ? "new" : "transcript";
    this.#needsTranscript = previous !== undefined;
  }

  /** Loads the memory brief. A failure does not prevent the session. Untrusted content taints the session first. */
  async #loadBrief(): Promise<void> {
    const { gate, group, sessionId, workspace, jailId, log, hostLog } = this.#options;
    // A session that was lost before its first prompt still needs the brief.
    if (group?.memory !== true || (await log.wasPrompted())) return;
    try {
      const brief = await loadMemoryBrief(gate, { jailId, session: sessionId, group: group.name });
      if (brief?.untrusted === true)
        await gate.taint(workspace, "the memory brief contains untrusted content");
      this.#brief = brief;
    } catch (error) {
      hostLog.warn("session started without its memory brief", { group: group.name, error: String(error) });
    }
  }

  async #load(sessionId: string, cwd: string): Promise<boolean> {
    try {
      const mcpServers = this.#process?.mcpServers ?? [];
      this.#agentOptions.offer(await this.#request("session/load", { sessionId, cwd, mcpServers }));
      return true;
    } catch (error) {
      // An RPC error means that the agent has no such session. Other errors mean that it failed.
      if (error instanceof HoldfastError && error.code === "rpc_error") return false;
      throw error;
    }
  }

  async #request(method: string, params: unknown): Promise<unknown> {
    const connection = this.#process?.connection;
    if (connection === undefined) throw new HoldfastError("agent", "ended", "The agent is not running");
    const request = connection.request(method, params);
    request.catch(() => {});
    return Promise.race([request, this.#failure.promise]);
  }

  /** Persists each envelope before the connection passes it on. */
  async #onEnvelope(envelope: Envelope): Promise<void> {
    const { log } = this.#options;
    const { direction, message } = envelope;
    const isPrompt = direction === "to-agent" && message.method === "session/prompt";
    try {
      await log.envelope(envelope, isPrompt ? this.#promptDedupeKey : undefined);
    } catch (error) {
      this.#alive = false;
      this.#failure.reject(error);
      throw error;
    }
    if (direction === "to-agent" || message.method === undefined) return;
    if (message.method === "session/update") {
      this.#calls.record(message.params);
      this.#agentOptions.update(field(message.params, "update"));
    }
    if (message.id === undefined) return;
    void this.#serve(message.id, message.method, message.params);
  }

  async #serve(id: RpcId, method: string, params: unknown): Promise<void> {
    const connection = this.#process?.connection;
    if (connection === undefined) return;
    try {
      if (method !== "session/request_permission") {
        await connection.respond(id, { error: methodNotFound });
        return;
      }
      this.#approver ??= new Approver({ ...this.#options, calls: this.#calls });
      const outcome = await this.#approver.request(id, params);
      if (this.#alive) await connection.respond(id, { result: { outcome } });
    } catch (error) {
      this.#failure.reject(error);
    }
  }
}
