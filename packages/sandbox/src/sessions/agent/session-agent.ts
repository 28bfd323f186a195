import type { Logger } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import type { AcpInstances } from "../../acp/instances.ts";
import { problem } from "../../http/problem.ts";
import type { SandboxLimits } from "../../limits.ts";
import { ownServerId } from "../agent-bindings.ts";
import type { SessionLog } from "../store/session-log.ts";
import type { Recovery, SessionRecord } from "../types.ts";
import { ensureInitialized } from "./capabilities.ts";
import { isDraft, type OpenContext, openFork, openNewSession, recover, recoverOrReplay } from "./recovery.ts";
import { applySettings, currentSettings, type Settings, splitSettings } from "./settings.ts";

/** Dependencies of a session's agent. */
export interface SessionAgentOptions {
  readonly sessionId: string;
  readonly instances: AcpInstances;
  readonly limits: SandboxLimits;
  readonly logger: Logger;
  readonly log: SessionLog;
  readonly record: () => SessionRecord;
  readonly update: (change: Partial<SessionRecord>) => void;
  /** Throws `session_not_found` once the session is being deleted. */
  readonly assertNotDeleted: () => void;
  /** Binds all messages of `instance` to the session. */
  readonly own: (instance: AcpInstance) => void;
  /** Binds the messages of `instance` with the agent's session id to the session. */
  readonly claim: (instance: AcpInstance, agentSessionId: string) => void;
  /** Called after each start, successful or not. */
  readonly onStarted: () => void;
}

/** The agent process of one session: opens the session in it, and recovers it in a new one. */
export class SessionAgent {
  readonly #options: SessionAgentOptions;
  #instance: AcpInstance | undefined;
  /** True while the process of `#instance` has the session open. */
  #isOpen = false;
  #isStarting = false;
  #attaching: Promise<Recovery | undefined> | undefined;

  constructor(options: SessionAgentOptions) {
    this.#options = options;
  }

  get instance(): AcpInstance | undefined {
    return this.#instance;
  }

  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** True while a process has the session open and is not about to end. */
  get isRunning(): boolean {
    return this.#isOpen && this.#isListed();
  }

  /** True if the instance was created for this session and serves no other. */
  get isOwn(): boolean {
    return this.#instance?.serverId === ownServerId(this.#options.sessionId);
  }

  /** Uses `instance`, in which a client of the raw routes has opened the session. */
  adopt(instance: AcpInstance): void {
    this.#instance = instance;
    this.#isOpen = true;
  }

  /** The process has exited, or no longer has the session open. */
  markStopped(): void {
    this.#isOpen = false;
  }

  /** Releases the instance. The next start selects one again. */
  release(): void {
    this.#instance = undefined;
    this.#isOpen = false;
  }

  /** Opens the session with its own agent. */
  async open(settings: Settings): Promise<void> {
    await this.#start(async (context) => {
      const { change } = await openNewSession(context);
      this.#opened(change);
      await this.#apply(context.instance, settings);
    });
  }

  /** Opens the session as a fork of `parentSessionId` if the agent can fork, else as a new one. */
  async openFork(settings: Settings, parentSessionId: string | undefined): Promise<"forked" | "new"> {
    return await this.#start(async (context) => {
      const fork = parentSessionId === undefined ? undefined : await openFork(context, parentSessionId);
      const { change } = fork ?? (await openNewSession(context));
      this.#opened(change);
      await this.#restoreSettings(context.instance, settings);
      return fork ? "forked" : "new";
    });
  }

  /**
   * Recovers the session unless a process has it open; then returns undefined. With `replay` an agent that cannot
   * recover it gets a new session and, with the next prompt, a transcript.
   */
  async attach(replay: boolean): Promise<Recovery | undefined> {
    if (this.isRunning) return undefined;
    this.#attaching ??= this.#attach(replay).finally(() => {
      this.#attaching = undefined;
    });
    return await this.#attaching;
  }

  /** Throws `option_not_supported` for a setting that the agent does not offer. Settings before it remain applied. */
  async configure(settings: Settings): Promise<void> {
    await this.attach(true);
    if (!this.#instance) throw problem("conflict", 409, "the session has no agent");
    await this.#apply(this.#instance, settings);
  }

  async #attach(replay: boolean): Promise<Recovery | undefined> {
    const { record, log } = this.#options;
    return await this.#start(async (context) => {
      if (isDraft(record())) {
        const wanted = currentSettings(record());
        const { change } = await openNewSession(context);
        this.#opened(change);
        await this.#restoreSettings(context.instance, wanted);
        return undefined;
      }
      const reopened = replay ? await recoverOrReplay(context) : await recover(context);
      if (!reopened) return undefined;
      const { recovery, change } = reopened;
      const wanted = currentSettings(record());
      this.#opened({ ...change, recovery });
      log.notice("recovered", { recovery, agentSessionId: record().agentSessionId });
      await this.#restoreSettings(context.instance, wanted);
      return recovery;
    });
  }

  #opened(change: Partial<SessionRecord>): void {
    this.#isOpen = true;
    this.#options.update(change);
  }

  async #start<T>(work: (context: OpenContext) => Promise<T>): Promise<T> {
    this.#isStarting = true;
    try {
      // A process that is ending must exit before another one opens the session.
      if (!this.#isListed()) await this.#instance?.close();
      return await work(await this.#openContext());
    } finally {
      this.#isStarting = false;
      this.#options.onStarted();
    }
  }

  /** Prepares an agent that can open the session: in the current instance, else in a new one. */
  async #openContext(): Promise<OpenContext> {
    const { instances, limits, logger, record, sessionId, assertNotDeleted, own, claim } = this.#options;
    assertNotDeleted();
    const serverId = this.#isListed() && this.#instance ? this.#instance.serverId : ownServerId(sessionId);
    const instance = await instances.open(serverId, record().agent);
    this.#instance = instance;
    if (this.isOwn) own(instance);
    await ensureInitialized(instances, instance);
    return {
      instance,
      record: record(),
      timeoutMs: limits.sessionOpenTimeoutMs,
      logger,
      claim: (agentSessionId) => claim(instance, agentSessionId),
      restart: async () => {
        if (this.#isListed()) await ensureInitialized(instances, instance);
        return this.#isListed();
      },
    };
  }

  /** False once the instance was deleted, even if its process is still ending. */
  #isListed(): boolean {
    const { instances } = this.#options;
    return this.#instance !== undefined && instances.get(this.#instance.serverId) === this.#instance;
  }

  async #apply(instance: AcpInstance, settings: Settings): Promise<void> {
    const { record, update } = this.#options;
    await applySettings(instance, record, settings, update);
  }

  /** Applies each setting separately: a mode that is no longer offered must not prevent a recovery. */
  async #restoreSettings(instance: AcpInstance, wanted: Settings): Promise<void> {
    const { log, assertNotDeleted } = this.#options;
    for (const setting of splitSettings(wanted)) {
      try {
        await this.#apply(instance, setting);
      } catch (error) {
        // A deleted session has no log to write a notice to.
        assertNotDeleted();
        log.notice("setting_lost", { setting, message: String(error) });
      }
    }
  }
}
