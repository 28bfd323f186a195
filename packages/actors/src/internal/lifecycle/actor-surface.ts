import { HoldfastError } from "@holdfast/core";
import type { ActorBlobs } from "../../blob.ts";
import { type ActorLogger, actorLogger } from "../../logger.ts";
import type { ActorCaller, InstanceStatus, RequestSource } from "../../ports/instance.ts";
import type { ActorPresence, BroadcastTarget, RunControl, SaveStateOptions } from "../../types.ts";
import type { ContextSource } from "../calls/context.ts";
import type { RunningCall } from "../calls/running-call.ts";
import { containListenerErrors } from "../calls/user-signal.ts";
import type { Connection } from "../connections/connection.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { CommitQueue } from "../turn/commit-queue.ts";
import { ActorComponents } from "./actor-components.ts";
import { asAbortError } from "./error-filter.ts";

/** What contexts show of a running actor: each member leads to the part that does the work. */
export abstract class ActorSurface extends ActorComponents implements ContextSource {
  abstract readonly queue: CommitQueue;
  abstract readonly status: InstanceStatus;
  abstract vars: unknown;
  abstract sends: number;

  /** Made when user code asks for it. */
  #abort: AbortController | undefined;
  #log: ActorLogger | undefined;
  #client: object | undefined;

  /** Runs user code on the stack. */
  abstract enter(fn: () => unknown): unknown;
  abstract requestSleep(): void;
  abstract requestDestroy(): void;

  protected abortContexts(reason: HoldfastError): void {
    this.#controller.abort(asAbortError(reason));
  }

  get #controller(): AbortController {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      containListenerErrors(this.#abort.signal, (error) => this.errors.report(error));
    }
    return this.#abort;
  }

  get state(): unknown {
    return this.stateHolder.value;
  }

  set state(value: unknown) {
    this.stateHolder.value = value;
  }

  get blob(): ActorBlobs {
    return this.parts.blobs;
  }

  /** `c.db`. */
  get database(): unknown {
    return this.parts.database.client;
  }

  /** What the parts of the actor keep; commits with the turn. */
  get records(): EntryBuffer {
    return this.storage.records;
  }

  get kv(): KvBuffer {
    return this.storage.kv;
  }

  get conns(): ReadonlyMap<string, Connection> {
    return this.connections.all;
  }

  get abortSignal(): AbortSignal {
    return this.#controller.signal;
  }

  signalOf(own: AbortSignal): AbortSignal {
    return containListenerErrors(AbortSignal.any([own, this.abortSignal]), (error) =>
      this.errors.report(error),
    );
  }

  get log(): ActorLogger {
    this.#log ??= actorLogger(this.ports.log.child({ actorId: this.id, name: this.name, key: this.key }));
    return this.#log;
  }

  unwrap(value: unknown): unknown {
    return this.stateHolder.unwrap(value);
  }

  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void {
    this.connections.broadcast(name, args, target);
  }

  get presence(): ActorPresence {
    return this.connections.presence;
  }

  saveState(options?: SaveStateOptions): Promise<void> {
    const saved = this.#saved(options);
    // Most programs do not wait for it. A commit that fails ends the actor and is told to its callers: it must
    // not end the process as well.
    saved.catch(() => {});
    return saved;
  }

  async #saved(options: SaveStateOptions = {}): Promise<void> {
    const { durability, stateSaveInterval } = this.definition.options;
    const waits = durability === "gated" || options.immediate === true || this.status === "starting";
    if (waits) return this.queue.durable();
    this.queue.saveWithin(Math.min(options.maxWait ?? stateSaveInterval, stateSaveInterval));
  }

  get region(): string {
    return this.host.region ?? "local";
  }

  async fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    if (this.host.fetch === undefined) {
      const message = "The host of this actor gives it no way to fetch";
      throw new HoldfastError("actor", "fetch_unavailable", message, { statusCode: 500 });
    }
    await this.#leave();
    return this.host.fetch(input, init);
  }

  /** Something is about to be asked of somebody else. */
  #leave(): Promise<void> {
    this.sends++;
    return this.queue.gate();
  }

  get run(): RunControl {
    return this.parts.runControl;
  }

  async blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T> {
    this.transactionLock.hold();
    try {
      return await (this.enter(fn) as T | Promise<T>);
    } finally {
      this.queue.close();
      this.transactionLock.release();
    }
  }

  // Transactions

  transaction<T>(owner: object, fn: () => T | Promise<T>): Promise<T> {
    return this.transactions.run(owner, fn);
  }

  keepAwake(promise: unknown): void {
    this.activity.keepAwake(promise);
  }

  waitUntil(promise: unknown): void {
    this.activity.waitUntil(promise);
  }

  client(): object {
    if (this.#client !== undefined) return this.#client;
    const caller: ActorCaller = {
      actorId: this.id,
      name: this.name,
      key: this.key,
      gate: () => this.#leave(),
      send: (message) => this.parts.queues.outbox.send(message),
      disposed: () => {
        this.#client = undefined;
      },
      abortSignal: this.abortSignal,
    };
    this.#client = this.host.client(caller);
    return this.#client;
  }

  /** One of `c.conns` as long as the call runs. */
  transientConnection(
    params: unknown,
    request: RequestSource | undefined,
    auth: unknown,
    call: RunningCall,
  ): Connection {
    const connection = this.connections.create({ params, request, auth }, undefined);
    call.transient = connection;
    this.connections.enter(connection);
    return connection;
  }
}
