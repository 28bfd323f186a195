import type { Agent } from "node:http";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { Envelope, RpcId } from "@holdfast/sandbox-client";
import type { ApprovalChoice } from "../backend/host.ts";
import { field, text } from "../transcript/read.ts";
import { studioVersion } from "../version.ts";
import { type AgentProcess, type AgentProcessOptions, startAgentProcess } from "./agent-process.ts";
import { Approver } from "./approver.ts";
import type { TaskBackend } from "./backend.ts";
import { GateQuestions } from "./gate-questions.ts";
import { type MemoryBrief, memoryBrief } from "./memory-brief.ts";
import { ToolCallHistory } from "./permission.ts";
import type { SessionLog } from "./session-log.ts";
import { within } from "./within.ts";

export interface AgentSessionOptions extends Omit<AgentProcessOptions, "session" | "onUsage" | "onEnvelope"> {
  readonly task: TaskBackend;
  readonly log: SessionLog;
  readonly sessionId: string;
  /** The agent's own name of the session that it had before, if there was one. */
  readonly previous: string | undefined;
  readonly signal: AbortSignal;
  readonly hostLog: Logger;
  /** Told when a question of the gate cannot be shown. */
  readonly onLost: (error: unknown) => void;
}

/** An agent that runs and has a session open. */
export interface AgentSession {
  readonly agentSessionId: string;
  readonly resumed: "new" | "native" | "transcript";
  readonly alive: boolean;
  /** The way to the sandbox server in its jail; undefined when that has ended. */
  readonly sandbox: Agent | undefined;
  /** Once: what the group remembers, for a session in which no agent was given a prompt yet. */
  takeBrief(): MemoryBrief | undefined;
  /** True once, when the agent has to be told what came before. */
  takeNeedsTranscript(): boolean;
  /** Resolves with ACP's stop reason. `once` marks the log when the agent is given the prompt. */
  prompt(text: string, once: string): Promise<string>;
  /** Asks the agent to end its turn; resolves when it was told. */
  cancel(): Promise<void>;
  /** True while the agent waits for the answer to this question. */
  waits(approvalId: string): boolean;
  /** False when the agent does not wait for it. */
  answer(approvalId: string, choice: ApprovalChoice): Promise<boolean>;
  end(): Promise<void>;
}

/**
 * Starts an agent in a jail and opens its session: the one that it had, where it can load it, else a new
 * one. Throws `agent.start_timed_out`, `agent.protocol_mismatch`, `agent.exited`, `agent.refused`.
 */
export async function openAgentSession(options: AgentSessionOptions): Promise<AgentSession> {
  const session = new LiveSession(options);
  await session.open();
  return session;
}

const methodNotFound = { code: -32601, message: "The client does not offer this" };

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
  #promptMark: string | undefined;
  /** Rejects when nothing more can come: the agent ended, or its words cannot be kept. */
  readonly #broken = Promise.withResolvers<never>();

  constructor(options: AgentSessionOptions) {
    this.#options = options;
    this.#broken.promise.catch(() => {});
  }

  get alive(): boolean {
    return this.#alive;
  }

  get sandbox(): Agent | undefined {
    return this.#alive ? this.#process?.sandbox : undefined;
  }

  async open(): Promise<void> {
    const { limits, signal } = this.#options;
    const late = new HoldfastError(
      "agent",
      "start_timed_out",
      `The agent did not answer within ${limits.agentStartTimeoutMs} ms after its start`,
    );
    // Of the start alone: a turn takes as long as it takes.
    const timer = setTimeout(() => this.#broken.reject(late), limits.agentStartTimeoutMs);
    signal.addEventListener("abort", () => this.#broken.reject(signal.reason), { once: true });
    try {
      const starting = this.#start();
      // A start that is given up on still has to be ended when it comes.
      starting.catch(() => {});
      await Promise.race([starting, this.#broken.promise]);
      await this.#handshake();
    } catch (error) {
      await this.end();
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

  async prompt(prompt: string, once: string): Promise<string> {
    this.#promptMark = once;
    const result = await this.#request("session/prompt", {
      sessionId: this.agentSessionId,
      prompt: [{ type: "text", text: prompt }],
    });
    return text(field(result, "stopReason"), 100) || "end_turn";
  }

  async cancel(): Promise<void> {
    if (!this.#alive || this.#process === undefined) return;
    const told = this.#process.connection.notify("session/cancel", { sessionId: this.agentSessionId });
    // An agent that cannot be told is ended all the same: in a jail that was frozen nothing takes the message.
    const heard = Promise.race([told, this.#broken.promise]).catch(() => {});
    await within(this.#options.limits.stopGraceMs / 2, heard);
    await this.#approver?.cancelAll();
    // Who stops the work wants none of it done: what was asked for it is withdrawn.
    await this.#options.gate.approvals.cancelSession(this.#options.sessionId);
  }

  waits(approvalId: string): boolean {
    return this.#alive && this.#approver?.waits(approvalId) === true;
  }

  async answer(approvalId: string, choice: ApprovalChoice): Promise<boolean> {
    if (!this.waits(approvalId)) return false;
    return (await this.#approver?.answer(approvalId, choice)) ?? false;
  }

  async end(): Promise<void> {
    this.#alive = false;
    this.#broken.reject(new HoldfastError("agent", "ended", "The agent was ended"));
    await this.#process?.stop(0);
    this.#questions?.close();
    await this.#approver?.cancelAll();
  }

  async #start(): Promise<void> {
    const { task, sessionId, log, gate, onLost } = this.#options;
    this.#questions = new GateQuestions({ gate, task, log, sessionId, onLost });
    const process = await startAgentProcess({
      ...this.#options,
      session: sessionId,
      onUsage: ({ inputTokens, outputTokens }) => {
        void task
          .report({ type: "usage", usage: { inputTokens, outputTokens, requests: 1 } })
          .catch(() => {});
      },
      onEnvelope: (envelope) => this.#onEnvelope(envelope),
    });
    this.#process = process;
    void process.ended.then((error) => {
      this.#alive = false;
      this.#broken.reject(error);
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
      throw new HoldfastError("agent", "protocol_mismatch", "The agent does not speak version 1 of ACP");
    }
    await this.#remember();
    const loads = field(field(initialized, "agentCapabilities"), "loadSession") === true;
    if (previous !== undefined && loads && (await this.#load(previous, cwd))) {
      this.agentSessionId = previous;
      this.resumed = "native";
      return;
    }
    const created = await this.#request("session/new", { cwd, mcpServers: this.#process?.mcpServers ?? [] });
    this.agentSessionId = text(field(created, "sessionId"), 500);
    if (this.agentSessionId === "") {
      throw new HoldfastError("agent", "refused", "The agent opened a session without a name");
    }
    this.resumed = previous === undefined ? "new" : "transcript";
    this.#needsTranscript = previous !== undefined;
  }

  /** A session begins also where the memory is silent. What it tells from outside taints first. */
  async #remember(): Promise<void> {
    const { gate, group, sessionId, jailId, log, hostLog } = this.#options;
    // One that was opened, and lost before its first prompt, has been told nothing yet.
    if (group?.memory !== true || (await log.prompted())) return;
    try {
      const brief = await memoryBrief(gate, { jailId, session: sessionId, group: group.name });
      if (brief?.untrusted === true) await gate.taint(sessionId, "the memory brief has words from outside");
      this.#brief = brief;
    } catch (error) {
      hostLog.warn("a session begins without its memory", { group: group.name, error: String(error) });
    }
  }

  async #load(sessionId: string, cwd: string): Promise<boolean> {
    try {
      await this.#request("session/load", { sessionId, cwd, mcpServers: this.#process?.mcpServers ?? [] });
      return true;
    } catch (error) {
      // The agent says that it has no such session; that it cannot answer at all is another matter.
      if (error instanceof HoldfastError && error.code === "rpc_error") return false;
      throw error;
    }
  }

  async #request(method: string, params: unknown): Promise<unknown> {
    const connection = this.#process?.connection;
    if (connection === undefined) throw new HoldfastError("agent", "ended", "The agent is not running");
    const request = connection.request(method, params);
    request.catch(() => {});
    return Promise.race([request, this.#broken.promise]);
  }

  /** Durable first: the connection passes an envelope on only after this resolves. */
  async #onEnvelope(envelope: Envelope): Promise<void> {
    const { log } = this.#options;
    const { direction, message } = envelope;
    const marks = direction === "to-agent" && message.method === "session/prompt";
    try {
      await log.envelope(envelope, marks ? this.#promptMark : undefined);
    } catch (error) {
      this.#alive = false;
      this.#broken.reject(error);
      throw error;
    }
    if (direction === "to-agent" || message.method === undefined) return;
    if (message.method === "session/update") this.#calls.note(message.params);
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
      const outcome = await this.#approver.ask(id, params);
      if (this.#alive) await connection.respond(id, { result: { outcome } });
    } catch (error) {
      this.#broken.reject(error);
    }
  }
}
