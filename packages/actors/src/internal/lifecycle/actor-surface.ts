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

/** The members behind `c`, the context of user code: each delegates to the component that does the work. */
export abstract class ActorSurface extends ActorComponents implements ContextSource {
  abstract readonly queue: CommitQueue;
  abstract readonly status: InstanceStatus;
  abstract vars: unknown;
  abstract sends: number;

  /** Created when user code first uses it. */
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

  /** Records of the actor's parts, committed with the turn. */
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
    // Most programs do not await it. A failed commit stops the actor and rejects its callers; an unhandled
    // rejection must not end the process as well.
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
    await this.#beforeRequest();
    return this.host.fetch(input, init);
  }

  /** Waits until everything written so far is durable, before a request leaves the actor. */
  #beforeRequest(): Promise<void> {
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
      gate: () => this.#beforeRequest(),
      send: (message) => this.parts.queues.outbox.send(message),
      disposed: () => {
        this.#client = undefined;
      },
      abortSignal: this.abortSignal,
    };
    this.#client = this.host.client(caller);
    return this.#client;
  }

  /** Creates a connection that is in `c.conns` while the call runs. */
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
