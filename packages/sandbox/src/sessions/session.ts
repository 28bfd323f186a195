import type { Logger } from "@holdfast/core";
import type { AcpInstance } from "../acp/instance.ts";
import type { AcpInstances } from "../acp/instances.ts";
import type { Message } from "../acp/message.ts";
import type { PendingRequest } from "../acp/pending.ts";
import { problem } from "../http/problem.ts";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { SandboxLimits } from "../limits.ts";
import { answerAgent, callAgent, notifyAgent } from "./agent/agent-calls.ts";
import { sessionChange, sessionChangeFromAnswer } from "./agent/agent-updates.ts";
import { isDraft } from "./agent/recovery.ts";
import { SessionAgent } from "./agent/session-agent.ts";
import { offeredChoices, type Settings } from "./agent/settings.ts";
import { type AgentBindings, ownServerId } from "./agent-bindings.ts";
import { EndListeners } from "./end-listeners.ts";
import { SessionLog } from "./store/session-log.ts";
import type { SessionStore, StoredSession } from "./store/store.ts";
import { isPermissionRequest, PendingPermissions } from "./turns/pending-permissions.ts";
import type { PermissionPolicy } from "./turns/policy.ts";
import { type ContentBlocks, type PromptHost, PromptQueue } from "./turns/prompt-queue.ts";
import { transcriptBlock } from "./turns/transcript.ts";
import { TurnCounter } from "./turns/turn-counter.ts";
import type {
  CancelOutcome,
  LogEntry,
  Recovery,
  SessionRecord,
  SessionStatus,
  SessionView,
} from "./types.ts";

/** Dependencies shared by all sessions of a server. */
export interface SessionContext {
  readonly store: SessionStore;
  readonly instances: AcpInstances;
  readonly bindings: AgentBindings<Session>;
  readonly limits: SandboxLimits;
  readonly policy: PermissionPolicy | undefined;
  readonly logger: Logger;
  /** Called after the stored record of a session has changed. */
  readonly changed: (session: Session) => void;
  readonly isClosing: () => boolean;
  /** Log entries of a session and, up to the fork, of its parents; newest first. */
  readonly history: (record: SessionRecord) => Iterable<LogEntry>;
}

/**
 * One conversation with an agent: its log, its permission requests, its queue of prompts, and the agent
 * process that runs it now, if any.
 */
export class Session implements PromptHost {
  readonly id: string;
  readonly log: SessionLog;
  readonly permissions: PendingPermissions;
  readonly prompts: PromptQueue;
  readonly endListeners = new EndListeners();
  readonly #context: SessionContext;
  readonly #key: number;
  #record: SessionRecord;
  /** Set at the start of a deletion: no new work is accepted. */
  #isBeingDeleted = false;
  #isDeleted = false;
  #deletion: Promise<void> | undefined;
  #loading: "client" | "server" | undefined;
  /**
   * Set while a session that was created elsewhere is loaded for the first time: its replayed messages are logged,
   * because they are its only history.
   */
  #isNew = false;
  readonly #turns = new TurnCounter();
  readonly #agent: SessionAgent;

  constructor(context: SessionContext, stored: StoredSession) {
    const { store, instances, bindings, limits, policy, logger } = context;
    const { key, record } = stored;
    this.#context = context;
    this.#key = key;
    this.#record = record;
    this.id = record.id;
    this.log = new SessionLog(store, key);
    const log = this.log;
    this.permissions = new PendingPermissions({
      store,
      key,
      log,
      limits,
      policy,
      logger,
      record: () => this.#record,
    });
    this.#agent = new SessionAgent({
      sessionId: record.id,
      instances,
      limits,
      logger,
      log,
      record: () => this.#record,
      update: (change) => this.update(change),
      assertNotDeleted: () => this.assertNotDeleted(),
      own: (instance) => bindings.own(instance, this),
      claim: (instance, agentSessionId) => bindings.claim(instance, agentSessionId, this),
      onStarted: () => this.onChange(),
    });
    const maxQueued = limits.maxQueuedPrompts;
    this.prompts = new PromptQueue({ store, key, sessionId: record.id, log, maxQueued, host: this });
  }

  get record(): SessionRecord {
    return this.#record;
  }

  get instance(): AcpInstance | undefined {
    return this.#agent.instance;
  }

  /** True once a deletion was requested. */
  get isBeingDeleted(): boolean {
    return this.#isBeingDeleted;
  }

  /** True while a turn runs, started by this API or by a client of the raw routes. */
  get isInTurn(): boolean {
    return this.#turns.any;
  }

  get status(): SessionStatus {
    if (this.#agent.isStarting) return "starting";
    if (!this.#agent.isRunning) return "detached";
    if (!this.#turns.any) return "idle";
    return this.permissions.pending > 0 ? "waiting" : "running";
  }

  view(): SessionView {
    const { mcpServers, permissionTimeoutMs, parentSequence, config, ...kept } = this.#record;
    const { needsTranscript, permissionRules, ...shown } = kept;
    const instance = this.#agent.isRunning ? this.#agent.instance : undefined;
    return {
      ...shown,
      status: this.status,
      ...(instance ? { serverId: instance.serverId } : {}),
      lastSequence: this.log.lastSequence,
      pendingPermissions: this.permissions.pending,
      queuedPrompts: this.prompts.queued,
    };
  }

  // Messages between the agent and its clients, in order.

  onMessageToAgent(message: Message, internal: boolean): void {
    if (this.#isDeleted) return;
    this.log.append("client", message.raw);
    if (message.kind === "response" && !internal) this.permissions.answeredByAcp(message);
    if (message.kind !== "request") return;
    if (message.method === "session/load") {
      this.#loading = internal ? "server" : "client";
      this.#isNew = this.log.lastSequence === 1;
    }
    if (message.method !== "session/prompt") return;
    this.#turns.begin();
    this.update({});
  }

  onMessageFromAgent(
    instance: AcpInstance,
    message: Message,
    answered: PendingRequest | undefined,
  ): "pass" | "hold" {
    if (this.#isDeleted) return "pass";
    // A loading agent replays messages that are already in the log, unless this log is new.
    if (this.#loading !== undefined && message.kind === "notification" && !this.#isNew) {
      return this.#loading === "server" ? "hold" : "pass";
    }
    this.log.append("agent", message.raw);
    if (answered) this.#onRequestEnded(answered);
    const change =
      message.kind === "notification"
        ? sessionChange(message)
        : answered?.internal === false
          ? sessionChangeFromAnswer(answered, message)
          : undefined;
    if (change) this.update(change);
    if (message.kind !== "request") return "pass";
    if (isPermissionRequest(message)) {
      if (!this.#turns.areCancelled) return this.permissions.ask(instance, message);
      void answerAgent(instance, message.idText ?? "null", { result: { outcome: { outcome: "cancelled" } } });
      return "hold";
    }
    // An instance created for the session has no raw client to answer.
    if (instance.serverId !== ownServerId(this.id)) return "pass";
    const error = { code: -32601, message: `Method not found: ${message.method ?? ""}` };
    void answerAgent(instance, message.idText ?? "null", { error });
    return "hold";
  }

  /** The server answered a request because the agent could not. */
  onRefusal(request: PendingRequest, text: string): void {
    this.#onRequestEnded(request);
    if (!this.#isDeleted) this.log.append("server", text);
  }

  onNotice(instance: AcpInstance, text: string): void {
    if (!this.#isDeleted && !this.#isInAnotherInstance(instance)) this.log.append("server", text);
  }

  onAgentExit(instance: AcpInstance): void {
    if (this.#isInAnotherInstance(instance)) this.permissions.onAgentExit(instance);
    else this.#onStopped();
  }

  // Operations for clients.

  /** A client of the raw routes has opened the session in `instance`. */
  adopt(instance: AcpInstance): void {
    this.#agent.adopt(instance);
  }

  /** Stores the agent's answer when a client of the raw routes opened the session. */
  opened(result: Readonly<Record<string, unknown>>): void {
    const { sessionId } = result;
    this.update({
      ...(typeof sessionId === "string" ? { agentSessionId: sessionId } : {}),
      ...offeredChoices(result),
    });
  }

  /** Opens the session with its own agent. */
  async open(settings: Settings): Promise<void> {
    await this.#agent.open(settings);
  }

  /**
   * Opens the session with its own agent as a fork of `parentSessionId`, if the agent can fork, with the settings of
   * its parent.
   */
  async openFork(settings: Settings, parentSessionId: string | undefined): Promise<"forked" | "new"> {
    return await this.#agent.openFork(settings, parentSessionId);
  }

  /**
   * Moves the session to another agent, which gets a transcript with its next prompt. Throws
   * `conflict` while a turn runs.
   */
  async assign(agent: string): Promise<void> {
    if (!this.isFree() || this.prompts.currentId !== undefined) {
      throw problem("conflict", 409, "the session is in a turn", { sessionId: this.id });
    }
    const needsTranscript = !isDraft(this.#record);
    await this.detach();
    const { agentSessionId, modes, models, configOptions, mode, model, thoughtLevel, config, ...kept } =
      this.#record;
    this.#record = kept;
    this.update({ agent, ...(needsTranscript ? { needsTranscript } : {}) });
  }

  /** Recovers the session unless a process has it open; then returns undefined. */
  async attach(): Promise<Recovery | undefined> {
    return await this.#agent.attach(true);
  }

  /** As {@link attach}, but only if the agent can recover the session by itself. */
  async attachWithoutReplay(): Promise<void> {
    await this.#agent.attach(false);
  }

  async configure(settings: Settings, title: string | undefined): Promise<void> {
    if (Object.keys(settings).length > 0) await this.#agent.configure(settings);
    // Apply the title last: a rejected setting leaves it unchanged.
    if (title !== undefined) this.update({ title });
  }

  /** Marks the session as archived, or removes the mark. Idempotent. */
  archive(isArchived: boolean): void {
    const { archivedAt, ...kept } = this.#record;
    if ((archivedAt !== undefined) === isArchived) return;
    this.#record = kept;
    this.update(isArchived ? { archivedAt: Date.now() } : {});
  }

  /**
   * Cancels the turn and all queued prompts, or one prompt. Resolves when the turn has ended. An agent that
   * ignores the cancel for `cancelGraceMs` is killed with its process group.
   */
  async cancel(promptId?: string): Promise<CancelOutcome> {
    if (promptId !== undefined) this.prompts.get(promptId);
    const dropped = this.prompts.drop(promptId);
    if (promptId !== undefined && this.prompts.currentId !== promptId) {
      return { cancelled: dropped.length > 0, forced: false, prompts: dropped };
    }
    const current = this.prompts.cancelCurrent();
    const prompts = current === undefined ? dropped : [current, ...dropped];
    const { instance } = this.#agent;
    if (!this.#turns.any || !instance) {
      return { cancelled: prompts.length > 0, forced: false, prompts };
    }
    const ended = this.#turns.cancel();
    await notifyAgent(instance, "session/cancel", { sessionId: this.#record.agentSessionId });
    await this.permissions.cancelAll();
    const forced = !(await settlesWithin(ended, this.#context.limits.cancelGraceMs));
    if (forced) instance.kill("cancel_ignored");
    await ended;
    return { cancelled: true, forced, prompts };
  }

  /** Cancels the turn and all queued prompts, ends the agent and keeps the log. */
  async close(): Promise<void> {
    this.prompts.drop();
    this.prompts.cancelCurrent();
    await this.detach();
  }

  /** Ends the agent and keeps the log. The next prompt, even a queued one, recovers the session. */
  async detach(): Promise<void> {
    const { instances, bindings } = this.#context;
    if (this.#agent.isOwn) await instances.delete(ownServerId(this.id));
    else if (this.#turns.any) await this.cancel();
    bindings.release(this);
    this.#agent.release();
    this.#onStopped();
  }

  /** Deletes the session. Concurrent calls share one deletion. */
  delete(): Promise<void> {
    this.#deletion ??= this.#delete();
    return this.#deletion;
  }

  async #delete(): Promise<void> {
    this.#isBeingDeleted = true;
    await this.close();
    this.#isDeleted = true;
    this.endListeners.notify("deleted");
  }

  /** Merges `change` into the stored record. */
  update(change: Partial<SessionRecord>): void {
    if (this.#isDeleted) return;
    this.#record = { ...this.#record, ...change, updatedAt: Date.now() };
    try {
      this.#context.store.updateSession(this.#key, this.#record);
    } catch (error) {
      this.onFailedWrite(error);
    }
    this.#context.changed(this);
  }

  onFailedWrite(error: unknown): void {
    this.#context.logger.error("session record not stored", { sessionId: this.id, cause: String(error) });
  }

  // Implementation of the prompt queue's host.

  isFree(): boolean {
    return !this.#turns.any && !this.#agent.isStarting && !this.#isBeingDeleted;
  }

  assertNotDeleted(): void {
    if (!this.#isBeingDeleted) return;
    throw problem("session_not_found", 404, `the session "${this.id}" is deleted`, { sessionId: this.id });
  }

  isClosing(): boolean {
    return this.#context.isClosing();
  }

  async turn(content: ContentBlocks): Promise<Readonly<Record<string, unknown>>> {
    const { instance } = this.#agent;
    if (!instance) throw problem("conflict", 409, "the session has no agent");
    const { agentSessionId: sessionId, needsTranscript = false } = this.#record;
    const prompt = needsTranscript ? [...this.#transcript(), ...content] : content;
    if (needsTranscript) this.update({ needsTranscript: false });
    try {
      return await callAgent(instance, "session/prompt", { sessionId, prompt });
    } catch (error) {
      // A failed agent may not have read the transcript, so the next prompt carries it again.
      if (needsTranscript) this.update({ needsTranscript });
      throw error;
    }
  }

  onChange(): void {
    if (!this.#agent.isStarting) queueMicrotask(() => this.prompts.pump());
  }

  /** True if the session runs in another instance now, so that events of this one do not concern it. */
  #isInAnotherInstance(instance: AcpInstance): boolean {
    return this.#agent.instance !== undefined && this.#agent.instance !== instance;
  }

  /** The session no longer has a process. */
  #onStopped(): void {
    this.#agent.markStopped();
    this.#loading = undefined;
    this.#turns.endAll();
    this.permissions.onAgentExit();
    this.onChange();
  }

  #onRequestEnded(request: PendingRequest): void {
    if (request.method === "session/load") this.#loading = undefined;
    if (request.method !== "session/prompt" || !this.#turns.any) return;
    this.#turns.end();
    this.update({});
    if (!this.#turns.any) this.onChange();
  }

  #transcript(): ContentBlocks {
    const block = transcriptBlock(
      this.#context.history(this.#record),
      this.#context.limits.maxTranscriptBytes,
    );
    return block ? [block] : [];
  }
}
