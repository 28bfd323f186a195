import type { Logger } from "@holdfast/core";
import type { AcpInstance } from "../acp/instance.ts";
import type { AcpInstances } from "../acp/instances.ts";
import type { Message } from "../acp/message.ts";
import type { PendingRequest } from "../acp/pending.ts";
import { problem } from "../http/problem.ts";
import { settlesWithin } from "../internal/with-timeout.ts";
import type { SandboxLimits } from "../limits.ts";
import { answer, call, tell } from "./agent/agent-calls.ts";
import { sessionChange, sessionChangeFromAnswer } from "./agent/agent-updates.ts";
import { makeReady } from "./agent/capabilities.ts";
import { isDraft, type Opener, openAgain, openFork, openKnown, openNew } from "./agent/recovery.ts";
import { applySettings, offersOf, oneByOne, type Settings, settingsOf } from "./agent/settings.ts";
import { type AgentBindings, ownServerId } from "./agent-bindings.ts";
import { EndListeners } from "./end-listeners.ts";
import { SessionLog } from "./store/session-log.ts";
import type { SessionStore, StoredSession } from "./store/store.ts";
import { isPermissionRequest, PendingPermissions } from "./turns/pending-permissions.ts";
import type { PermissionPolicy } from "./turns/policy.ts";
import { type ContentBlocks, type PromptHost, PromptQueue } from "./turns/prompt-queue.ts";
import { transcriptBlock } from "./turns/transcript.ts";
import { Turns } from "./turns/turns.ts";
import type {
  CancelOutcome,
  LogEntry,
  Recovery,
  SessionRecord,
  SessionStatus,
  SessionView,
} from "./types.ts";

/** What all sessions of a server share. */
export interface SessionContext {
  readonly store: SessionStore;
  readonly instances: AcpInstances;
  readonly bindings: AgentBindings<Session>;
  readonly limits: SandboxLimits;
  readonly policy: PermissionPolicy | undefined;
  readonly logger: Logger;
  /** What is kept of a session has changed. */
  readonly changed: (session: Session) => void;
  readonly isClosing: () => boolean;
  /** The past of a forked session up to where it forked, newest first. */
  readonly past: (record: SessionRecord) => Iterable<LogEntry>;
}

/** One conversation: its log, its questions, its prompts, and the agent process that it has or finds again. */
export class Session implements PromptHost {
  readonly id: string;
  readonly log: SessionLog;
  readonly permissions: PendingPermissions;
  readonly prompts: PromptQueue;
  readonly ending = new EndListeners();
  readonly #context: SessionContext;
  readonly #key: number;
  #record: SessionRecord;
  #instance: AcpInstance | undefined;
  /** The process of `#instance` runs this session. */
  #isLive = false;
  #isStarting = false;
  /** It is being deleted: nothing begins any more. */
  #isEnding = false;
  #isDeleted = false;
  #deletion: Promise<void> | undefined;
  #loading: "client" | "server" | undefined;
  /** The first load of a session that was made elsewhere: what the agent tells of the past is all there is. */
  #isNew = false;
  #attaching: Promise<Recovery | undefined> | undefined;
  readonly #turns = new Turns();

  constructor(context: SessionContext, stored: StoredSession) {
    const { store, limits, policy, logger } = context;
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
    const maxQueued = limits.maxQueuedPrompts;
    this.prompts = new PromptQueue({ store, key, sessionId: record.id, log, maxQueued, host: this });
  }

  get record(): SessionRecord {
    return this.#record;
  }

  get instance(): AcpInstance | undefined {
    return this.#instance;
  }

  /** True from the moment on in which somebody has asked for its deletion. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** True while a turn runs, whoever asked for it. */
  get isInTurn(): boolean {
    return this.#turns.any;
  }

  get status(): SessionStatus {
    if (this.#isStarting) return "starting";
    if (!this.#isRunning()) return "detached";
    if (!this.#turns.any) return "idle";
    return this.permissions.pending > 0 ? "waiting" : "running";
  }

  view(): SessionView {
    const { mcpServers, permissionTimeoutMs, parentSequence, config, ...kept } = this.#record;
    const { needsTranscript, permissionRules, archivedAt, ...shown } = kept;
    const alive = this.#instance !== undefined && this.#isRunning();
    return {
      ...shown,
      status: this.status,
      ...(alive && this.#instance ? { serverId: this.#instance.serverId } : {}),
      lastSequence: this.log.lastSequence,
      pendingPermissions: this.permissions.pending,
      queuedPrompts: this.prompts.queued,
    };
  }

  // What crosses between the agent and whoever speaks to it.

  seenToAgent(message: Message, internal: boolean): void {
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

  seenFromAgent(
    instance: AcpInstance,
    message: Message,
    answered: PendingRequest | undefined,
  ): "pass" | "hold" {
    if (this.#isDeleted) return "pass";
    // The past that an agent tells while it loads is in the log already, unless this log is new.
    if (this.#loading !== undefined && message.kind === "notification" && !this.#isNew) {
      return this.#loading === "server" ? "hold" : "pass";
    }
    this.log.append("agent", message.raw);
    if (answered) this.#requestEnded(answered);
    if (answered?.internal === false) this.#learn(sessionChangeFromAnswer(answered, message));
    if (message.kind === "notification") this.#learn(sessionChange(message));
    if (message.kind !== "request") return "pass";
    if (isPermissionRequest(message)) {
      if (!this.#turns.areCancelled) return this.permissions.ask(instance, message);
      void answer(instance, message.idText ?? "null", { result: { outcome: { outcome: "cancelled" } } });
      return "hold";
    }
    // Nobody else reads the stream of an instance that the server made for the session.
    if (instance.serverId !== ownServerId(this.id)) return "pass";
    const error = { code: -32601, message: `Method not found: ${message.method ?? ""}` };
    void answer(instance, message.idText ?? "null", { error });
    return "hold";
  }

  /** The server has answered a request in the place of the agent. */
  refused(request: PendingRequest, text: string): void {
    this.#requestEnded(request);
    if (!this.#isDeleted) this.log.append("server", text);
  }

  notice(instance: AcpInstance, text: string): void {
    if (!this.#isDeleted && !this.#hasMoved(instance)) this.log.append("server", text);
  }

  agentGone(instance: AcpInstance): void {
    if (this.#hasMoved(instance)) this.permissions.agentGone(instance);
    else this.#left();
  }

  // What clients ask of the session.

  /** The session runs in `instance`, where a client of the raw routes has opened it. */
  adopt(instance: AcpInstance): void {
    this.#instance = instance;
    this.#isLive = true;
  }

  /** What the agent said of the session when a client of the raw routes opened it. */
  opened(result: Readonly<Record<string, unknown>>): void {
    const { sessionId } = result;
    this.update({
      ...(typeof sessionId === "string" ? { agentSessionId: sessionId } : {}),
      ...offersOf(result),
    });
  }

  /** Opens the session in an agent of its own. */
  async open(settings: Settings): Promise<void> {
    await this.#opening(async (opener) => {
      const { change } = await openNew(opener);
      this.#isLive = true;
      this.update(change);
      await this.#apply(opener.instance, settings);
    });
  }

  /**
   * Opens the session in an agent of its own, as a fork of `parentSessionId` where the agent can do that,
   * with the settings of its parent.
   */
  async openFork(settings: Settings, parentSessionId: string | undefined): Promise<"forked" | "new"> {
    return await this.#opening(async (opener) => {
      const fork = parentSessionId === undefined ? undefined : await openFork(opener, parentSessionId);
      const { change } = fork ?? (await openNew(opener));
      this.#isLive = true;
      this.update(change);
      await this.#restoreSettings(opener.instance, settings);
      return fork ? "forked" : "new";
    });
  }

  /**
   * Gives the session to another agent, which is told the past with its next prompt. Throws
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

  /** Brings the session back where its agent does not run it; undefined when nothing was to be done. */
  async attach(): Promise<Recovery | undefined> {
    if (this.#isRunning()) return undefined;
    this.#attaching ??= this.#attach(true).finally(() => {
      this.#attaching = undefined;
    });
    return await this.#attaching;
  }

  /** Brings the session back in a new process of its instance, if the agent can do that by itself. */
  async attachAsItWas(): Promise<void> {
    if (this.#isRunning()) return;
    this.#attaching ??= this.#attach(false).finally(() => {
      this.#attaching = undefined;
    });
    await this.#attaching;
  }

  async configure(settings: Settings, title: string | undefined): Promise<void> {
    if (Object.keys(settings).length > 0) {
      await this.attach();
      if (!this.#instance) throw problem("conflict", 409, "the session has no agent");
      await this.#apply(this.#instance, settings);
    }
    // The last one, since it cannot be refused: what is refused has not changed it.
    if (title !== undefined) this.update({ title });
  }

  /**
   * Cancels the turn and what waits behind it, or one prompt. Resolves when the turn has ended, which
   * takes at most about `cancelGraceMs`: then the agent's process group is ended.
   */
  async cancel(promptId?: string): Promise<CancelOutcome> {
    if (promptId !== undefined) this.prompts.get(promptId);
    const dropped = this.prompts.drop(promptId);
    if (promptId !== undefined && this.prompts.currentId !== promptId) {
      return { cancelled: dropped.length > 0, forced: false, prompts: dropped };
    }
    const current = this.prompts.cancelCurrent();
    const prompts = current === undefined ? dropped : [current, ...dropped];
    if (!this.#turns.any || !this.#instance) {
      return { cancelled: prompts.length > 0, forced: false, prompts };
    }
    const ended = this.#turns.cancel();
    await tell(this.#instance, "session/cancel", { sessionId: this.#record.agentSessionId });
    await this.permissions.cancelAll();
    const forced = !(await settlesWithin(ended, this.#context.limits.cancelGraceMs));
    if (forced) this.#instance.cut("cancel_ignored");
    await ended;
    return { cancelled: true, forced, prompts };
  }

  /** Cancels the turn and what waits behind it, ends the agent and keeps the log. */
  async close(): Promise<void> {
    this.prompts.drop();
    this.prompts.cancelCurrent();
    await this.detach();
  }

  /** Ends the agent and keeps the log; the next prompt brings the session back, also one that waits. */
  async detach(): Promise<void> {
    const instance = this.#instance;
    if (instance?.serverId === ownServerId(this.id)) {
      await this.#context.instances.delete(instance.serverId);
    } else if (this.#turns.any) await this.cancel();
    this.#context.bindings.release(this);
    this.#instance = undefined;
    this.#left();
  }

  /** Ends the session for good; whoever asks while that goes on waits for the same end. */
  delete(): Promise<void> {
    this.#deletion ??= this.#delete();
    return this.#deletion;
  }

  async #delete(): Promise<void> {
    this.#isEnding = true;
    await this.close();
    this.#isDeleted = true;
    this.ending.tell("deleted");
  }

  /** Keeps what has changed in the session's record. */
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
    this.#context.logger.error("session not kept", { sessionId: this.id, cause: String(error) });
  }

  // What the queue of prompts asks of the session.

  isFree(): boolean {
    return !this.#turns.any && !this.#isStarting && !this.#isEnding;
  }

  assertStays(): void {
    if (!this.#isEnding) return;
    throw problem("session_not_found", 404, `the session "${this.id}" is deleted`, { sessionId: this.id });
  }

  isClosing(): boolean {
    return this.#context.isClosing();
  }

  async turn(content: ContentBlocks): Promise<Readonly<Record<string, unknown>>> {
    const instance = this.#instance;
    if (!instance) throw problem("conflict", 409, "the session has no agent");
    const { agentSessionId: sessionId, needsTranscript = false } = this.#record;
    const prompt = needsTranscript ? [...this.#transcript(), ...content] : content;
    if (needsTranscript) this.update({ needsTranscript: false });
    try {
      return await call(instance, "session/prompt", { sessionId, prompt });
    } catch (error) {
      // Nobody knows what an agent has taken in that failed: the next prompt tells it the past again.
      if (needsTranscript) this.update({ needsTranscript });
      throw error;
    }
  }

  onChange(): void {
    if (!this.#isStarting) queueMicrotask(() => this.prompts.pump());
  }

  /** Another instance has taken the session up since: what becomes of this one is not about it any more. */
  #hasMoved(instance: AcpInstance): boolean {
    return this.#instance !== undefined && this.#instance !== instance;
  }

  /** No process runs the session any more. */
  #left(): void {
    this.#isLive = false;
    this.#loading = undefined;
    this.#turns.endAll();
    this.permissions.agentGone();
    this.onChange();
  }

  /** True when the session's process is there and is not about to end. */
  #isRunning(): boolean {
    return this.#isLive && this.#isKnown();
  }

  #isKnown(): boolean {
    return (
      this.#instance !== undefined && this.#context.instances.get(this.#instance.serverId) === this.#instance
    );
  }

  async #attach(orAsNew: boolean): Promise<Recovery | undefined> {
    return await this.#opening(async (opener) => {
      if (isDraft(this.#record)) {
        const wanted = settingsOf(this.#record);
        const { change } = await openNew(opener);
        this.#isLive = true;
        this.update(change);
        await this.#restoreSettings(opener.instance, wanted);
        return undefined;
      }
      const reopened = orAsNew ? await openAgain(opener) : await openKnown(opener);
      if (!reopened) return undefined;
      const { recovery, change } = reopened;
      const wanted = settingsOf(this.#record);
      this.#isLive = true;
      this.update({ ...change, recovery });
      this.log.notice("recovered", { recovery, agentSessionId: this.#record.agentSessionId });
      await this.#restoreSettings(opener.instance, wanted);
      return recovery;
    });
  }

  async #opening<T>(work: (opener: Opener) => Promise<T>): Promise<T> {
    this.#isStarting = true;
    try {
      // A process that is ending has to be gone before another one takes the session up.
      if (!this.#isKnown()) await this.#instance?.close();
      return await work(await this.#opener());
    } finally {
      this.#isStarting = false;
      this.onChange();
    }
  }

  async #apply(instance: AcpInstance, settings: Settings): Promise<void> {
    await applySettings(
      instance,
      () => this.#record,
      settings,
      (kept) => this.update(kept),
    );
  }

  /** A mode that the agent no longer offers must not keep the session from coming back. */
  async #restoreSettings(instance: AcpInstance, wanted: Settings): Promise<void> {
    for (const setting of oneByOne(wanted)) {
      try {
        await this.#apply(instance, setting);
      } catch (error) {
        // Its log goes with it: what comes later has no place there any more.
        this.assertStays();
        this.log.notice("setting_lost", { setting, message: String(error) });
      }
    }
  }

  /** An agent that is ready to open the session: in the instance that it has, else in one of its own. */
  async #opener(): Promise<Opener> {
    this.assertStays();
    const { instances, bindings, limits, logger } = this.#context;
    const serverId = this.#isKnown() && this.#instance ? this.#instance.serverId : ownServerId(this.id);
    const instance = await instances.open(serverId, this.#record.agent);
    this.#instance = instance;
    if (serverId === ownServerId(this.id)) bindings.own(instance, this);
    await makeReady(instances, instance);
    return {
      instance,
      record: this.#record,
      timeoutMs: limits.sessionOpenTimeoutMs,
      logger,
      claim: (agentSessionId) => bindings.claim(instance, agentSessionId, this),
      again: async () => {
        if (this.#isKnown()) await makeReady(instances, instance);
        return this.#isKnown();
      },
    };
  }

  #requestEnded(request: PendingRequest): void {
    if (request.method === "session/load") this.#loading = undefined;
    if (request.method !== "session/prompt" || !this.#turns.any) return;
    this.#turns.end();
    this.update({});
    if (!this.#turns.any) this.onChange();
  }

  #learn(change: Partial<SessionRecord> | undefined): void {
    if (change) this.update(change);
  }

  #transcript(): ContentBlocks {
    const block = transcriptBlock(this.#context.past(this.#record), this.#context.limits.maxTranscriptBytes);
    return block ? [block] : [];
  }
}
