import type { Logger } from "@holdfast/core";
import type { Spawner, SpawnRequest } from "../internal/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import { AgentProcess, type ProcessExit } from "./agent-process.ts";
import { EventLog } from "./event-log.ts";
import { type Message, readMessage, withId, withStderr } from "./message.ts";
import { errorResponse, PendingRequests } from "./pending.ts";
import { Watchdog } from "./watchdog.ts";

export interface InstanceOptions {
  readonly serverId: string;
  readonly agentId: string;
  /** Prepares a start: finds the agent, writes its files, composes its environment. */
  readonly prepare: () => Promise<SpawnRequest>;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  readonly log: Logger;
}

/** How far a reader has come; the slowest one decides whether the agent is paused. */
export interface ReaderPosition {
  readonly offset: number;
}

/**
 * One ACP server id: an agent process, the requests in flight, and the numbered stream of what the
 * agent says. The instance outlives its process: after a crash the next request starts a new one,
 * which is initialized as the first one was, and the numbers go on.
 */
export class AcpInstance {
  readonly serverId: string;
  readonly agentId: string;
  readonly createdAtMs = Date.now();
  readonly events: EventLog;
  readonly #options: InstanceOptions;
  readonly #pending = new PendingRequests();
  readonly #watchdog: Watchdog;
  readonly #readers = new Set<ReaderPosition>();
  #process: AgentProcess | undefined;
  #starting: Promise<AgentProcess> | undefined;
  #startedAtMs: number | undefined;
  #wasStarted = false;
  #initialize: string | undefined;
  #authenticate: string | undefined;
  #paused = false;
  #closing: Promise<void> | undefined;
  #closeListeners = new Set<() => void>();

  constructor(options: InstanceOptions) {
    this.serverId = options.serverId;
    this.agentId = options.agentId;
    this.#options = options;
    this.events = new EventLog(options.limits.maxRetainedEvents, options.limits.maxRetainedBytes);
    this.#watchdog = new Watchdog(options.limits, this.#pending, (reason) => this.#cut(reason));
  }

  /** Milliseconds since the agent's process started; undefined while there is none. */
  get uptimeMs(): number | undefined {
    return this.#startedAtMs === undefined ? undefined : Date.now() - this.#startedAtMs;
  }

  /** True once a process ran: from then on failures are answers to requests. */
  get wasStarted(): boolean {
    return this.#wasStarted;
  }

  /** Starts the process if there is none. Rejects when the agent cannot be found or spawned. */
  async start(): Promise<AgentProcess> {
    if (this.#process) return this.#process;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return await this.#starting;
  }

  /**
   * Passes a message of a client on. Resolves to the text of the answer for a request, to
   * undefined for anything else. Once the instance exists nothing here
   * rejects: what goes wrong becomes a JSON-RPC error. `onForwarded` runs when the agent was given
   * the request.
   */
  async send(message: Message, onForwarded?: () => void): Promise<string | undefined> {
    if (message.kind === "request" && message.key !== undefined && message.idText !== undefined) {
      const { key, idText } = message;
      const process = await this.#ready(message).catch((error: unknown) => String(error));
      if (typeof process !== "string") {
        const answer = this.#request(process, { ...message, key, idText });
        onForwarded?.();
        return await answer;
      }
      const refusal = errorResponse(idText, process, {
        reason: "agent_process_exited",
        exitCode: null,
        signal: null,
      });
      this.events.append(refusal);
      return refusal;
    }
    if (message.kind === "response" && message.key !== undefined) this.#pending.agentAnswered(message.key);
    // A notification or an answer for a process that is gone has lost its meaning with it.
    this.#process?.write(oneLine(message.raw));
    this.#watchdog.touch();
    return undefined;
  }

  addReader(reader: ReaderPosition): () => void {
    this.#readers.add(reader);
    return () => {
      this.#readers.delete(reader);
      this.relieve();
    };
  }

  /** A reader has caught up a bit: lets the agent go on if it was paused for that. */
  relieve(): void {
    if (!this.#paused || this.#lag() > this.#options.limits.maxReaderLagBytes / 2) return;
    this.#paused = false;
    this.#process?.resumeOutput();
  }

  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Ends the process and everything it started, then the stream. Never rejects, takes at most about 1.5 s. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const process = this.#process ?? (await this.#starting?.catch(() => undefined));
    await process?.end();
    this.#watchdog.stop();
    for (const listener of this.#closeListeners) listener();
  }

  async #start(): Promise<AgentProcess> {
    const { prepare, spawner, limits } = this.#options;
    const request = await prepare();
    if (this.#closing) throw new Error("the agent was closed while it started");
    const process = await AgentProcess.start(spawner, request, limits, {
      onLine: (line) => this.#onLine(line),
      onInvalid: (error, head) => this.#adapter("invalid_stdout", { error, raw: head }),
      onExit: (exit) => this.#onExit(exit),
    });
    this.#process = process;
    this.#startedAtMs = Date.now();
    this.#wasStarted = true;
    return process;
  }

  /** The process for a request; a restarted one is initialized first. */
  async #ready(message: Message): Promise<AgentProcess> {
    if (this.#process) return this.#process;
    const process = await this.start();
    if (message.method === "initialize") return process;
    for (const raw of [this.#initialize, this.#authenticate]) {
      if (raw === undefined) continue;
      const replay = readMessage(raw);
      if (replay?.key === undefined || replay.idText === undefined) continue;
      await this.#request(process, { ...replay, key: replay.key, idText: replay.idText }, true);
    }
    return process;
  }

  #request(
    process: AgentProcess,
    message: Message & { readonly key: string; readonly idText: string },
    internal = false,
  ): Promise<string> {
    const method = message.method ?? "";
    if (method === "initialize") this.#initialize = message.raw;
    if (method === "authenticate") this.#authenticate = message.raw;
    return new Promise((resolve) => {
      const pending = { method, idText: message.idText, internal, settle: resolve };
      const idText = this.#pending.add(message, pending);
      this.#watchdog.touch();
      const raw = idText === message.idText ? message.raw : withId(message.raw, idText);
      const outcome = process.write(oneLine(raw));
      if (outcome === "written") return;
      const taken = readMessage(raw);
      if (taken?.key !== undefined) this.#pending.take(taken.key);
      this.#refuse(pending, outcome, process);
    });
  }

  #refuse(
    pending: { readonly idText: string; readonly settle: (raw: string) => void },
    outcome: "full" | "broken",
    process: AgentProcess,
  ): void {
    const [reason, text] =
      outcome === "full"
        ? ["agent_input_full", "The agent does not read its input"]
        : ["agent_input_closed", "The agent has closed its input"];
    const refusal = errorResponse(pending.idText, text, { reason, agentStderr: process.stderr.toString() });
    this.events.append(refusal);
    pending.settle(refusal);
  }

  #onLine(line: string): void {
    this.#watchdog.touch();
    let message: Message | undefined;
    try {
      message = readMessage(line);
    } catch (error) {
      this.#adapter("invalid_stdout", { error: String(error), raw: line.slice(0, 4_096) });
      return;
    }
    if (!message) {
      this.#adapter("invalid_stdout", { error: "not a JSON object", raw: line.slice(0, 4_096) });
      return;
    }
    const answered =
      message.kind === "response" && message.key !== undefined && this.#pending.take(message.key);
    if (!answered) {
      if (message.kind === "request" && message.key !== undefined) this.#pending.agentAsked(message.key);
      this.events.append(line);
    } else {
      const raw = message.idText === answered.idText ? line : withId(line, answered.idText);
      if (!answered.internal) this.events.append(raw);
      answered.settle(withStderr(raw, this.#process?.stderr.toString() ?? ""));
    }
    this.#throttle();
  }

  #throttle(): void {
    if (this.#paused || this.#lag() <= this.#options.limits.maxReaderLagBytes) return;
    this.#paused = true;
    this.#process?.pauseOutput();
  }

  /** Bytes that the slowest reader has not taken; 0 without readers: then the log's bounds are all there is. */
  #lag(): number {
    let lag = 0;
    for (const reader of this.#readers) lag = Math.max(lag, this.events.offset - reader.offset);
    return lag;
  }

  #onExit(exit: ProcessExit): void {
    this.#process = undefined;
    this.#startedAtMs = undefined;
    this.#paused = false;
    const reason = this.#watchdog.takeReason() ?? "agent_process_exited";
    this.#options.log.info("agent exited", {
      agent: this.agentId,
      exitCode: exit.exitCode,
      signal: exit.signal,
      reason,
    });
    const { exitCode, signal, stderr } = exit;
    this.#adapter("agent_exited", { success: exitCode === 0, code: exitCode, signal, stderr, reason });
    const how = signal === null ? `with code ${exitCode}` : `by ${signal}`;
    for (const pending of this.#pending.takeAll()) {
      const data = { reason, exitCode, signal, agentStderr: stderr };
      const answer = errorResponse(pending.idText, `The agent exited ${how}`, data);
      if (!pending.internal) this.events.append(answer);
      pending.settle(answer);
    }
    this.#watchdog.stop();
  }

  #cut(reason: string): void {
    this.#options.log.warn("agent does not answer, ending it", { agent: this.agentId, reason });
    void this.#process?.end(true);
  }

  #adapter(name: string, params: Readonly<Record<string, unknown>>): void {
    this.events.append(JSON.stringify({ jsonrpc: "2.0", method: `_adapter/${name}`, params }));
  }
}

/** JSON text may hold line breaks between its tokens; a message on the agent's input must not. */
function oneLine(raw: string): string {
  return /[\r\n]/.test(raw) ? raw.replaceAll(/[\r\n]+/g, " ") : raw;
}
