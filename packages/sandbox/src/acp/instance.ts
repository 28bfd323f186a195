import { isHoldfastError, type Logger } from "@holdfast/core";
import { IdleTimer } from "../internal/idle-timer.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import { type AgentEnd, AgentEndedError, endText, refusals } from "./agent-failure.ts";
import { AgentProcess, type ProcessExit } from "./agent-process.ts";
import { Backpressure, type ReaderPosition } from "./backpressure.ts";
import { EventLog } from "./event-log.ts";
import { Handshake } from "./handshake.ts";
import { toSingleLine } from "./lines.ts";
import { asRequest, type Message, type RequestMessage, readMessage, withId, withStderr } from "./message.ts";
import { errorResponse, type PendingRequest, PendingRequests } from "./pending.ts";
import {
  normalizeForStrictAgent,
  type SessionStartHook,
  startsSession,
  withSessionStart,
} from "./session-start.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * Observer of all messages between clients and agents, in order, before they are passed on. When a method
 * throws, the message is dropped and the agent is killed: no message passes unobserved.
 */
export interface AcpObserver {
  /** `message` is about to be written to the agent; its id is the one that the agent gets. */
  toAgent(instance: AcpInstance, message: Message, internal: boolean): void;
  /**
   * The agent sent `message`. `answered` is the request that it answers, if any. "hold" withholds it from the raw
   * stream until {@link AcpInstance.release}.
   */
  fromAgent(instance: AcpInstance, message: Message, answered: PendingRequest | undefined): "pass" | "hold";
  /** The server answers a request because the agent cannot. */
  refused(instance: AcpInstance, request: PendingRequest, answer: string): void;
  /** The server adds a notice to the raw stream. */
  notice(instance: AcpInstance, notice: string): void;
  exited(instance: AcpInstance, exit: ProcessExit): void;
  /** Runs before a client's request is passed on, so that its session can be recovered first. */
  beforeRequest(instance: AcpInstance, message: Message): Promise<void> | undefined;
  /** The instance was closed and is never used again. */
  closed(instance: AcpInstance): void;
}

export interface InstanceOptions {
  readonly serverId: string;
  readonly agentId: string;
  /** The agent accepts its first requests only in strict conformance with the protocol's schema. */
  readonly strictStart?: boolean;
  /** Prepares a start: finds the agent, writes its files, composes its environment. */
  readonly prepare: () => Promise<SpawnRequest>;
  readonly observer?: AcpObserver;
  readonly onSessionStart?: SessionStartHook;
  /** Called with the result of each request that opened a session. */
  readonly onSessionAnswer?: (agentId: string, result: unknown) => void;
  /** Takes notifications of clients that are not for the agent; returns false for others. */
  readonly onNotification?: (instance: AcpInstance, message: Message) => boolean;
  /** Called after `idleInstanceMs` without a reader and without a request. */
  readonly onIdle?: () => void;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  readonly log: Logger;
}

export interface SendOptions {
  /** Called when the request was written to the agent. */
  readonly onForwarded?: () => void;
  /** A request of the server itself: its answer stays out of the stream. */
  readonly internal?: boolean;
}

/**
 * One ACP server id: an agent process, its requests in flight, and the numbered stream of its messages. The
 * instance outlives its process: after a crash the next request starts a new one, the handshake is replayed,
 * and the numbering continues.
 */
export class AcpInstance {
  readonly serverId: string;
  readonly agentId: string;
  readonly createdAtMs = Date.now();
  readonly events: EventLog;
  readonly #options: InstanceOptions;
  readonly #pending = new PendingRequests();
  readonly #watchdog: Watchdog;
  readonly #backpressure: Backpressure;
  #process: AgentProcess | undefined;
  #starting: Promise<AgentProcess> | undefined;
  /** A spawn in progress. close() waits for it, because its process must be ended. */
  #spawning: Promise<AgentProcess> | undefined;
  #startedAtMs: number | undefined;
  #wasStarted = false;
  readonly #idle: IdleTimer;
  readonly #handshake = new Handshake();
  /** How the last process ended. */
  #lastEnd: AgentEnd = { reason: "agent_process_exited", exitCode: null, signal: null, agentStderr: "" };
  #closing: Promise<void> | undefined;
  #closeListeners = new Set<() => void>();

  constructor(options: InstanceOptions) {
    this.serverId = options.serverId;
    this.agentId = options.agentId;
    this.#options = options;
    this.events = new EventLog(options.limits.maxRetainedEvents, options.limits.maxRetainedBytes);
    this.#backpressure = new Backpressure(this.events, options.limits.maxReaderLagBytes, () => this.#process);
    this.#watchdog = new Watchdog(options.limits, this.#pending, (reason) => this.kill(reason));
    this.#idle = new IdleTimer(
      options.limits.idleInstanceMs,
      () => !this.#backpressure.hasReaders && this.#pending.size === 0 && this.#starting === undefined,
      () => options.onIdle?.(),
    );
  }

  /** True while a process runs. */
  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** The last successful answer to `initialize`, as JSON text; undefined before that. */
  get initializeAnswer(): string | undefined {
    return this.#handshake.initializeAnswer;
  }

  /** Milliseconds since the agent's process started; undefined while there is none. */
  get uptimeMs(): number | undefined {
    return this.#startedAtMs === undefined ? undefined : Date.now() - this.#startedAtMs;
  }

  /**
   * True once a process ran. From then on a failed start is reported in the answer to the request, not as an HTTP
   * problem.
   */
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
   * Passes a client's message to the agent. Resolves to the text of the answer for a request, to undefined
   * for anything else. Never rejects: failures become JSON-RPC errors.
   */
  async send(message: Message, options: SendOptions = {}): Promise<string | undefined> {
    const request = asRequest(message);
    if (request) return await this.#sendRequest(request, options);
    // What is for another part of the server, or for a process that has ended, does not reach the agent.
    if (this.#options.onNotification?.(this, message) === true || !this.#process) return undefined;
    // If two clients answer the same request of the agent, only the first answer counts.
    if (message.kind === "response" && message.key !== undefined) {
      if (!this.#pending.settleAgentRequest(message.key)) return undefined;
    }
    if (this.#observe((observer) => observer.toAgent(this, message, options.internal ?? false))) {
      this.#process.write(toSingleLine(message.raw));
    }
    this.#watchdog.touch();
    return undefined;
  }

  async #sendRequest(request: RequestMessage, options: SendOptions): Promise<string> {
    const { onSessionStart, strictStart } = this.#options;
    const normalized = strictStart === true ? normalizeForStrictAgent(request) : request;
    const internal = options.internal ?? false;
    try {
      const starts = startsSession(normalized.method ?? "") ? onSessionStart : undefined;
      const message = starts ? await withSessionStart(normalized, this, starts) : normalized;
      const process = await this.#processFor(request, internal);
      const answer = this.#request(
        process,
        { ...message, key: request.key, idText: request.idText },
        internal,
      );
      options.onForwarded?.();
      return await answer;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // Our own errors, such as an invalid configuration, keep their code.
      const reason = isHoldfastError(error) ? error.code : "agent_process_exited";
      const data = error instanceof AgentEndedError ? error.data : { reason, exitCode: null, signal: null };
      const refusal = errorResponse(request.idText, why, data);
      if (!internal) this.events.append(refusal);
      return refusal;
    }
  }

  /** Appends a message that the observer held to the stream. */
  release(raw: string): void {
    this.events.append(raw);
    this.#backpressure.pauseIfBehind();
  }

  addReader(reader: ReaderPosition): () => void {
    const remove = this.#backpressure.addReader(reader);
    return () => {
      remove();
      this.#idle.touch();
    };
  }

  /** Resumes the agent's output once the slowest reader is at half of the allowed lag. */
  resumeIfCaughtUp(): void {
    this.#backpressure.resumeIfCaughtUp();
  }

  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Ends the process and its descendants, then the stream. Never rejects; takes at most about 1.5 s. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const process = this.#process ?? (await this.#spawning?.catch(() => undefined));
    this.#idle.stop();
    await process?.end();
    this.#watchdog.stop();
    for (const listener of this.#closeListeners) listener();
    this.#observe((observer) => observer.closed(this));
  }

  async #start(): Promise<AgentProcess> {
    const { prepare, spawner, limits } = this.#options;
    const request = await prepare();
    if (this.#closing) throw new Error("the agent was closed while it started");
    this.#spawning = AgentProcess.start(spawner, request, limits, {
      onLine: (line) => this.#onLine(line),
      onInvalid: (error, head) => this.#sendNotice("invalid_stdout", { error, raw: head }),
      onExit: (exit) => this.#onExit(exit),
      onPipeClosed: (reason) => this.kill(reason),
    });
    const process = await this.#spawning.finally(() => {
      this.#spawning = undefined;
    });
    this.#process = process;
    this.#startedAtMs = Date.now();
    this.#wasStarted = true;
    this.#idle.touch();
    return process;
  }

  /** Starts the process if there is none, and replays the handshake to a new one. */
  async ready(): Promise<AgentProcess> {
    const process = this.#process ?? (await this.start());
    if (this.#handshake.isDue) await this.#handshake.replay((request) => this.#replayTo(process, request));
    return process;
  }

  async #processFor(message: RequestMessage, internal: boolean): Promise<AgentProcess> {
    if (message.method === "initialize") {
      const process = await this.start();
      this.#handshake.setDone();
      return process;
    }
    const process = await this.ready();
    const preparing = internal ? undefined : this.#options.observer?.beforeRequest(this, message);
    if (preparing) await preparing;
    return process;
  }

  async #replayTo(process: AgentProcess, request: RequestMessage): Promise<void> {
    await this.#request(process, request, true);
    // The process ended during the replay; its replacement needs the handshake from the start.
    if (this.#process !== process) throw new AgentEndedError(this.agentId, this.#lastEnd);
  }

  #request(process: AgentProcess, message: RequestMessage, internal: boolean): Promise<string> {
    const method = message.method ?? "";
    return new Promise((resolve) => {
      const pending = { method, message, idText: message.idText, internal, settle: resolve };
      const idText = this.#pending.add(message, pending);
      this.#watchdog.touch();
      const raw = idText === message.idText ? message.raw : withId(message.raw, idText);
      const forwarded = idText === message.idText ? message : { ...message, ...readMessage(raw) };
      const isObserved = this.#observe((observer) => observer.toAgent(this, forwarded, internal));
      const outcome = isObserved ? process.write(toSingleLine(raw)) : "unseen";
      if (outcome === "written") return;
      if (forwarded.key !== undefined) this.#pending.take(forwarded.key);
      const [reason, text] = refusals[outcome];
      this.#settle(pending, errorResponse(pending.idText, text, { reason, agentStderr: this.#stderr() }));
    });
  }

  /** Answers a request in place of the agent. */
  #settle(pending: PendingRequest, answer: string): void {
    this.#observe((observer) => observer.refused(this, pending, answer));
    if (!pending.internal) this.events.append(answer);
    pending.settle(answer);
    this.#idle.touch();
  }

  #stderr(): string {
    return this.#process?.stderr.toString() ?? "";
  }

  /** Calls the observer. Returns false, and kills the agent, if the observer throws. */
  #observe(call: (observer: AcpObserver) => void): boolean {
    const { observer } = this.#options;
    if (!observer) return true;
    try {
      call(observer);
      return true;
    } catch (error) {
      this.#options.log.error("session log failed", { agent: this.agentId, cause: String(error) });
      this.kill("session_log_failed");
      return false;
    }
  }

  #onLine(line: string): void {
    this.#watchdog.touch();
    let message: Message | undefined;
    try {
      message = readMessage(line);
    } catch (error) {
      this.#sendNotice("invalid_stdout", { error: String(error), raw: line.slice(0, 4_096) });
      return;
    }
    if (!message) {
      this.#sendNotice("invalid_stdout", { error: "not a JSON object", raw: line.slice(0, 4_096) });
      return;
    }
    this.#deliver(message);
    this.#backpressure.pauseIfBehind();
  }

  #deliver(message: Message): void {
    const isAnswer = message.kind === "response" && message.key !== undefined;
    const answered = isAnswer ? this.#pending.take(message.key ?? "") : undefined;
    if (message.kind === "request" && message.key !== undefined) this.#pending.addAgentRequest(message.key);
    let routing: "pass" | "hold" = "pass";
    const seen = this.#observe((observer) => {
      routing = observer.fromAgent(this, message, answered);
    });
    if (!answered) {
      if (seen && routing === "pass") this.events.append(message.raw);
      return;
    }
    if (!seen) {
      const [reason, text] = refusals.unseen;
      this.#settle(answered, errorResponse(answered.idText, text, { reason }));
      return;
    }
    const own = message.idText === answered.idText ? message.raw : withId(message.raw, answered.idText);
    const raw = withStderr(own, this.#stderr());
    this.#handshake.record(answered, raw);
    if (startsSession(answered.method)) {
      const { result }: { result?: unknown } = JSON.parse(raw);
      this.#options.onSessionAnswer?.(this.agentId, result);
    }
    // The caller gets the answer directly, so the copy on the stream may follow later.
    if (!answered.internal) this.events.append(raw, "soon");
    answered.settle(raw);
    this.#idle.touch();
  }

  #onExit(exit: ProcessExit): void {
    this.#process = undefined;
    this.#handshake.setDue();
    this.#startedAtMs = undefined;
    this.#backpressure.reset();
    const reason = this.#watchdog.takeReason() ?? "agent_process_exited";
    this.#options.log.info("agent exited", {
      agent: this.agentId,
      exitCode: exit.exitCode,
      signal: exit.signal,
      reason,
    });
    const { exitCode, signal, stderr } = exit;
    this.#sendNotice("agent_exited", { success: exitCode === 0, code: exitCode, signal, stderr, reason });
    this.#lastEnd = { reason, exitCode, signal, agentStderr: stderr };
    const text = endText(this.#lastEnd);
    for (const pending of this.#pending.takeAll()) {
      this.#settle(pending, errorResponse(pending.idText, text, { ...this.#lastEnd }));
    }
    this.#observe((observer) => observer.exited(this, exit));
    this.#watchdog.stop();
  }

  /** Kills the agent's process and its descendants; the instance stays. */
  kill(reason: string): void {
    if (!this.#process) return;
    this.#options.log.warn("ending an agent", { agent: this.agentId, reason });
    this.#watchdog.setReason(reason);
    void this.#process.end(true);
  }

  #sendNotice(name: string, params: Readonly<Record<string, unknown>>): void {
    const notice = JSON.stringify({ jsonrpc: "2.0", method: `_adapter/${name}`, params });
    this.#observe((observer) => observer.notice(this, notice));
    this.events.append(notice);
  }
}
