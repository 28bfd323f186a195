import { HoldfastError } from "@holdfast/core";
import type { ActorBlobs } from "../../blob.ts";
import type { ActorLogger } from "../../logger.ts";
import type { ActorCaller, RequestSource } from "../../ports/instance.ts";
import type { ActorPresence, BroadcastTarget, RunControl, SaveStateOptions } from "../../types.ts";
import type { ContextSource } from "../calls/context.ts";
import type { RunningCall } from "../calls/running-call.ts";
import { containListenerErrors } from "../calls/user-signal.ts";
import type { Connection } from "../connections/connection.ts";
import type { Connections } from "../connections/connections.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { Transactions } from "../turn/transactions.ts";
import type { ActorCore } from "./actor-core.ts";
import type { Parts } from "./parts.ts";

/** What the contexts of one actor share for as long as it is in memory. */
export interface SharedByContexts {
  vars: unknown;
  /** Aborts when the actor begins to stop. */
  abort: AbortController | undefined;
  client: object | undefined;
}

/** The components that user code reaches through `c`. */
interface ContextDependencies
  extends Pick<
    ActorCore,
    | "id"
    | "name"
    | "storedName"
    | "key"
    | "definition"
    | "host"
    | "phase"
    | "activity"
    | "turn"
    | "queue"
    | "state"
    | "errors"
    | "log"
    | "transactionLock"
  > {
  readonly connections: Connections;
  readonly kv: KvBuffer;
  readonly parts: Parts;
  readonly transactions: Transactions;
  readonly existingShared: SharedByContexts | undefined;
  readonly shared: SharedByContexts;
  readonly instance: { requestSleep(): void; requestDestroy(): void };
}

/**
 * The members behind `c`: each delegates to the component that does the work. Has no state of its own, so that an
 * idle actor can do without it.
 */
export class ActorContextSource implements ContextSource {
  readonly #actor: ContextDependencies;

  constructor(actor: ContextDependencies) {
    this.#actor = actor;
  }

  get id(): string {
    return this.#actor.id;
  }

  get name(): string {
    return this.#actor.name;
  }

  get key(): readonly string[] {
    return this.#actor.key;
  }

  get region(): string {
    return this.#actor.host.region ?? "local";
  }

  get log(): ActorLogger {
    return this.#actor.log;
  }

  get state(): unknown {
    return this.#actor.state.value;
  }

  set state(value: unknown) {
    this.#actor.state.value = value;
  }

  get vars(): unknown {
    return this.#actor.existingShared?.vars;
  }

  set vars(value: unknown) {
    this.#actor.shared.vars = value;
  }

  get kv(): KvBuffer {
    return this.#actor.kv;
  }

  get blob(): ActorBlobs {
    return this.#actor.parts.blobs;
  }

  /** `c.db`. */
  get database(): unknown {
    return this.#actor.parts.database.client;
  }

  get parts(): Parts {
    return this.#actor.parts;
  }

  get conns(): ReadonlyMap<string, Connection> {
    return this.#actor.connections.all;
  }

  get presence(): ActorPresence {
    return this.#actor.connections.presence;
  }

  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void {
    this.#actor.connections.broadcast(name, args, target);
  }

  get abortSignal(): AbortSignal {
    const { shared } = this.#actor;
    if (shared.abort === undefined) {
      shared.abort = new AbortController();
      containListenerErrors(shared.abort.signal, this.#report);
    }
    return shared.abort.signal;
  }

  signalOf(own: AbortSignal): AbortSignal {
    return containListenerErrors(AbortSignal.any([own, this.abortSignal]), this.#report);
  }

  get #report(): (error: unknown) => void {
    const { errors } = this.#actor;
    return (error) => errors.report(error);
  }

  saveState(options?: SaveStateOptions): Promise<void> {
    const saved = this.#save(options);
    // Most programs do not await it. A failed commit stops the actor and rejects its callers; an unhandled
    // rejection must not end the process as well.
    saved.catch(() => {});
    return saved;
  }

  async #save(options: SaveStateOptions = {}): Promise<void> {
    const { definition, phase, queue } = this.#actor;
    const { durability, stateSaveInterval } = definition.options;
    const waits = durability === "gated" || options.immediate === true || phase.status === "starting";
    if (waits) return queue.durable();
    queue.saveWithin(Math.min(options.maxWait ?? stateSaveInterval, stateSaveInterval));
  }

  async fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response> {
    const { host } = this.#actor;
    if (host.fetch === undefined) {
      const message = "The host of this actor provides no fetch";
      throw new HoldfastError("actor", "fetch_unavailable", message, { statusCode: 500 });
    }
    await this.#beforeRequest();
    return host.fetch(input, init);
  }

  /** Waits until everything written so far is durable, before a request leaves the actor. */
  #beforeRequest(): Promise<void> {
    this.#actor.turn.sends++;
    return this.#actor.queue.gate();
  }

  get run(): RunControl {
    return this.#actor.parts.runControl;
  }

  async blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T> {
    const { transactionLock, turn, queue } = this.#actor;
    transactionLock.hold();
    try {
      return await (turn.enter(fn) as T | Promise<T>);
    } finally {
      queue.close();
      transactionLock.release();
    }
  }

  transaction<T>(owner: object, fn: () => T | Promise<T>): Promise<T> {
    return this.#actor.transactions.run(owner, fn);
  }

  keepAwake(promise: unknown): void {
    this.#actor.activity.keepAwake(promise);
  }

  waitUntil(promise: unknown): void {
    this.#actor.activity.waitUntil(promise);
  }

  requestSleep(): void {
    this.#actor.instance.requestSleep();
  }

  requestDestroy(): void {
    this.#actor.instance.requestDestroy();
  }

  client(): object {
    const { id, storedName: name, key, host, parts, shared } = this.#actor;
    if (shared.client !== undefined) return shared.client;
    const caller: ActorCaller = {
      actorId: id,
      name,
      key,
      gate: () => this.#beforeRequest(),
      send: (message) => parts.queues.outbox.send(message),
      disposed: () => {
        shared.client = undefined;
      },
      abortSignal: this.abortSignal,
    };
    shared.client = host.client(caller);
    return shared.client;
  }

  /** Creates a connection that is in `c.conns` while the call runs. */
  transientConnection(
    params: unknown,
    request: RequestSource | undefined,
    auth: unknown,
    call: RunningCall,
  ): Connection {
    const { connections } = this.#actor;
    const connection = connections.create({ params, request, auth }, undefined);
    call.transient = connection;
    connections.enter(connection);
    return connection;
  }
}
