import type { AnyRegistry, ClientOf, UntypedRegistry } from "@holdfast/client";
import type { ActorBlobs } from "../../blob.ts";
import type { ActorKv } from "../../kv.ts";
import type { ActorLogger } from "../../logger.ts";
import type { RequestSource } from "../../ports/instance.ts";
import type { ActorQueue } from "../../queue.ts";
import type { ActorCron, ActorSchedule } from "../../schedule.ts";
import type {
  ActorPresence,
  BaseContext,
  BroadcastTarget,
  Conn,
  RunControl,
  SaveStateOptions,
} from "../../types.ts";
import type { Connection } from "../connections/connection.ts";
import type { RunningCall } from "./running-call.ts";

/** `c.queue` of one context, without the types of its queues. */
export interface QueueFacade {
  /** Called when the context has used something that it can change. */
  touch(): void;
  /** Called when user code of this context, on the stack, is about to change something. */
  changes(): void;
  /** Called when the handler of the context has ended. */
  end(succeeded: boolean): void;
}

/** The actor as its contexts show it. */
export interface ContextSource {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly region: string;
  readonly log: ActorLogger;
  readonly kv: ActorKv;
  readonly blob: ActorBlobs;
  readonly database: unknown;
  readonly parts: {
    readonly schedules: { readonly schedule: ActorSchedule; readonly cron: ActorCron };
    readonly queues: { facade(call: RunningCall | undefined, owner: object): QueueFacade };
  };
  state: unknown;
  vars: unknown;
  readonly conns: ReadonlyMap<string, Connection>;
  readonly abortSignal: AbortSignal;
  /**
   * Combines a context's own signal with that of the actor: code may run on after the context has ended, and still has
   * to learn that the actor stops.
   */
  signalOf(own: AbortSignal): AbortSignal;
  readonly presence: ActorPresence;
  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void;
  saveState(options?: SaveStateOptions): Promise<void>;
  fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response>;
  /** `owner` is the calling context: a transaction within its own transaction is refused. */
  transaction<T>(owner: object, fn: () => T | Promise<T>): Promise<T>;
  blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T>;
  readonly run: RunControl;
  keepAwake(promise: unknown): void;
  waitUntil(promise: unknown): void;
  requestSleep(): void;
  requestDestroy(): void;
  client(): object;
  /** Creates the connection of a stateless call when user code first asks for it. */
  transientConnection(
    params: unknown,
    request: RequestSource | undefined,
    auth: unknown,
    call: RunningCall,
  ): Connection;
}

/** The context of hooks. One class serves all of them; the public types restrict what each hook may use. */
export class Context implements BaseContext {
  // Private, so that a context that is logged or encoded as JSON reveals nothing of the actor.
  readonly #source: ContextSource;
  readonly #requestSource: RequestSource | undefined;
  #queue: QueueFacade | undefined;

  constructor(source: ContextSource, request?: RequestSource) {
    this.#source = source;
    this.#requestSource = request;
  }

  protected get source(): ContextSource {
    return this.#source;
  }

  protected get requestSource(): RequestSource | undefined {
    return this.#requestSource;
  }

  get actorId(): string {
    return this.source.id;
  }

  get name(): string {
    return this.source.name;
  }

  get key(): string[] {
    return [...this.source.key];
  }

  get region(): string {
    return this.source.region;
  }

  get log(): ActorLogger {
    return this.source.log;
  }

  get kv(): ActorKv {
    this.#queue?.touch();
    return this.source.kv;
  }

  get blob(): ActorBlobs {
    this.#queue?.touch();
    return this.source.blob;
  }

  get db(): unknown {
    this.#queue?.touch();
    return this.source.database;
  }

  get queue(): ActorQueue {
    this.#queue ??= this.source.parts.queues.facade(this.call, this);
    // Only the public types know the queues of the definition.
    return this.#queue as unknown as ActorQueue;
  }

  /** The action that the context belongs to, if any. */
  protected get call(): RunningCall | undefined {
    return undefined;
  }

  /** Called when the handler that got this context has ended. */
  ended(succeeded: boolean): void {
    this.#queue?.end(succeeded);
  }

  get schedule(): ActorSchedule {
    this.#queue?.changes();
    return this.source.parts.schedules.schedule;
  }

  get cron(): ActorCron {
    this.#queue?.changes();
    return this.source.parts.schedules.cron;
  }

  get state(): unknown {
    this.#queue?.touch();
    return this.source.state;
  }

  set state(value: unknown) {
    this.#queue?.touch();
    this.source.state = value;
  }

  get vars(): unknown {
    return this.source.vars;
  }

  set vars(value: unknown) {
    this.source.vars = value;
  }

  get conns(): ReadonlyMap<string, Conn> {
    return this.source.conns;
  }

  get request(): Request | undefined {
    const source = this.requestSource;
    return typeof source === "function" ? source() : source;
  }

  get abortSignal(): AbortSignal {
    return this.source.abortSignal;
  }

  get aborted(): boolean {
    return this.abortSignal.aborted;
  }

  broadcast(
    event: string | (BroadcastTarget & { readonly event: string }),
    ...args: readonly unknown[]
  ): void {
    if (typeof event === "string") this.source.broadcast(event, args);
    else this.source.broadcast(event.event, args, event);
  }

  get presence(): ActorPresence {
    return this.source.presence;
  }

  saveState(options?: SaveStateOptions): Promise<void> {
    return this.source.saveState(options);
  }

  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.source.fetch(input, init);
  }

  transaction<T>(fn: () => T | Promise<T>): Promise<T> {
    const queue = this.#queue;
    if (queue === undefined) return this.source.transaction(this, fn);
    return this.source.transaction(this, () => {
      queue.changes();
      return fn();
    });
  }

  blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T> {
    return this.source.blockConcurrencyWhile(fn);
  }

  get run(): RunControl {
    return this.source.run;
  }

  setPreventSleep(_prevent: boolean): void {}

  get preventSleep(): boolean {
    return false;
  }

  keepAwake<T>(promise: Promise<T>): Promise<T> {
    this.source.keepAwake(promise);
    return promise;
  }

  waitUntil(promise: Promise<unknown>): void {
    this.source.waitUntil(promise);
  }

  sleep(): void {
    this.source.requestSleep();
  }

  destroy(): void {
    this.source.requestDestroy();
  }

  client<R extends AnyRegistry = UntypedRegistry>(): ClientOf<R> {
    // The type of the registry is chosen by the caller: `c.client<typeof registry>()`.
    return this.source.client() as ClientOf<R>;
  }
}

/** The context of a hook that has a connection. */
export class ConnContext extends Context {
  readonly conn: Conn;

  constructor(source: ContextSource, connection: Connection) {
    super(source, connection.request);
    this.conn = connection;
  }
}

/** Origin of a call: parameters, identity and request of its client. */
interface CallOrigin {
  readonly params?: unknown;
  readonly auth?: unknown;
  readonly request?: RequestSource | undefined;
}

/** The context of an action. */
export class CallContext extends Context {
  readonly #call: RunningCall;
  readonly #origin: CallOrigin;
  #conn: Connection | undefined;
  #signal: AbortSignal | undefined;

  constructor(source: ContextSource, call: RunningCall, conn: Connection | undefined, origin: CallOrigin) {
    super(source, origin.request ?? conn?.request);
    this.#call = call;
    this.#conn = conn;
    this.#origin = origin;
  }

  /** Returns the call behind a context that user code passed in. */
  static callOf(context: CallContext): RunningCall {
    return context.#call;
  }

  protected override get call(): RunningCall {
    return this.#call;
  }

  /** Undefined in an action that was started by a schedule. */
  get conn(): Conn | undefined {
    if (this.#call.scheduled !== undefined) return undefined;
    if (this.#conn === undefined) {
      const { params, auth } = this.#origin;
      this.#conn = this.source.transientConnection(params, this.requestSource, auth, this.#call);
    }
    return this.#conn;
  }

  /** Includes the caller's own connection, which is created on demand. */
  override get conns(): ReadonlyMap<string, Conn> {
    void this.conn;
    return super.conns;
  }

  override get abortSignal(): AbortSignal {
    this.#signal ??= this.source.signalOf(this.#call.abortSignal);
    return this.#signal;
  }
}
