import type { Logger } from "@holdfast/core";
import type { AgentRow } from "../agents/row.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import type { AcpObserver } from "./instance.ts";
import { AcpInstance } from "./instance.ts";
import type { Message } from "./message.ts";
import type { SessionStartHook } from "./session-start.ts";

export interface InstancesOptions {
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly prepare: (row: AgentRow) => Promise<SpawnRequest>;
  /** Returns the MCP servers of a session that starts. */
  readonly onSessionStart?: SessionStartHook;
  /** Takes notifications of clients that are not for the agent; returns false for others. */
  readonly onNotification?: (instance: AcpInstance, message: Message) => boolean;
  /** Called when an instance was removed. */
  readonly onRemove?: (serverId: string) => void;
  /** Called with the result of each request that opened a session. */
  readonly onSessionAnswer?: (agentId: string, result: unknown) => void;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  readonly log: Logger;
}

/** Registry of the ACP instances of a server, by the ids that clients chose. */
export class AcpInstances {
  readonly #options: InstancesOptions;
  readonly #instances = new Map<string, AcpInstance>();
  #observer: AcpObserver | undefined;
  readonly #waiters = new Set<(instance: AcpInstance) => void>();

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  /** Sets the observer of all instances created from now on. */
  observeWith(observer: AcpObserver): void {
    this.#observer = observer;
  }

  list(): AcpInstance[] {
    return [...this.#instances.values()].sort((a, b) => (a.serverId < b.serverId ? -1 : 1));
  }

  /** Returns the instance with this id. Creates it if it does not exist and `agentId` is given. */
  async open(serverId: string, agentId: string | null): Promise<AcpInstance> {
    const existing = this.#instances.get(serverId);
    const row = agentId === null ? undefined : this.#options.agents.get(agentId);
    // Report an unknown agent before a conflict with an existing instance.
    if (agentId !== null && !row)
      throw problem("unsupported_agent", 400, `there is no agent "${agentId}"`, { agent: agentId });
    if (existing) {
      if (agentId !== null && agentId !== existing.agentId) {
        throw problem("conflict", 409, `server "${serverId}" already runs agent "${existing.agentId}"`, {
          agent: existing.agentId,
        });
      }
      return existing;
    }
    if (agentId === null || !row)
      throw invalid("missing required 'agent' query parameter for a new server id");
    if (this.#instances.size >= this.#options.limits.maxAgentInstances) {
      throw problem(
        "conflict",
        409,
        `max agent instance limit reached (${this.#options.limits.maxAgentInstances})`,
      );
    }
    const { spawner, limits, log, prepare, onSessionStart, onNotification, onSessionAnswer } = this.#options;
    const instance = new AcpInstance({
      serverId,
      agentId,
      prepare: () => prepare(row),
      strictStart: row.quirks.strictStart === true,
      onIdle: () => {
        log.info("ending an idle agent", { agent: agentId });
        void this.delete(serverId);
      },
      ...(this.#observer === undefined ? {} : { observer: this.#observer }),
      ...(onSessionStart === undefined ? {} : { onSessionStart }),
      ...(onNotification === undefined ? {} : { onNotification }),
      ...(onSessionAnswer === undefined ? {} : { onSessionAnswer }),
      spawner,
      limits,
      log,
    });
    this.#instances.set(serverId, instance);
    for (const waiter of [...this.#waiters]) waiter(instance);
    return instance;
  }

  /** Finds the instance with this id. Waits up to `bootstrapWaitMs` for the request that creates it. */
  async find(serverId: string, signal: AbortSignal): Promise<AcpInstance> {
    const existing = this.#instances.get(serverId) ?? (await this.#await(serverId, signal));
    if (existing) return existing;
    throw problem("session_not_found", 404, `there is no ACP server "${serverId}"`, { sessionId: serverId });
  }

  get(serverId: string): AcpInstance | undefined {
    return this.#instances.get(serverId);
  }

  /**
   * Removes the instance immediately and ends its agent. Resolves when the agent has exited. Unknown ids are ignored.
   */
  async delete(serverId: string): Promise<void> {
    const instance = this.#instances.get(serverId);
    this.#instances.delete(serverId);
    if (instance) this.#options.onRemove?.(serverId);
    await instance?.close();
  }

  /** Deletes an instance that could not start, unless its id belongs to another one by now. */
  async discard(instance: AcpInstance): Promise<void> {
    if (this.#instances.get(instance.serverId) === instance) await this.delete(instance.serverId);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#instances.keys()].map((serverId) => this.delete(serverId)));
  }

  #await(serverId: string, signal: AbortSignal): Promise<AcpInstance | undefined> {
    return new Promise((resolve) => {
      const finish = (instance: AcpInstance | undefined) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", giveUp);
        resolve(instance);
      };
      const waiter = (instance: AcpInstance) => {
        if (instance.serverId === serverId) finish(instance);
      };
      const giveUp = () => finish(undefined);
      const timer = setTimeout(giveUp, this.#options.limits.bootstrapWaitMs);
      this.#waiters.add(waiter);
      signal.addEventListener("abort", giveUp);
    });
  }
}
