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

/** `c.queue` of one context, whatever queues its actor has. */
export interface QueueFacade {
  /** The context has used what it could change. */
  touch(): void;
  /** User code of this context is about to change something while it is on the stack. */
  changes(): void;
  /** The context is over. */
  end(succeeded: boolean): void;
}

/** What contexts show of their actor. */
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
   * For a context with reasons of its own to abort: its code may go on after what it was made for has ended,
   * and is told when the actor stops.
   */
  signalOf(own: AbortSignal): AbortSignal;
  readonly presence: ActorPresence;
  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void;
  saveState(options?: SaveStateOptions): Promise<void>;
  fetch(input: string | URL | Request, init: RequestInit | undefined): Promise<Response>;
  /** `owner` is the context that asks: a transaction of its own in its transaction is refused. */
  transaction<T>(owner: object, fn: () => T | Promise<T>): Promise<T>;
  blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T>;
  readonly run: RunControl;
  keepAwake(promise: unknown): void;
  waitUntil(promise: unknown): void;
  requestSleep(): void;
  requestDestroy(): void;
  client(): object;
  /** The connection of a stateless call, made when user code asks for it. */
  transientConnection(
    params: unknown,
    request: RequestSource | undefined,
    auth: unknown,
    call: RunningCall,
  ): Connection;
}

/** The context of hooks. One class serves all: the public types say what each hook may use. */
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
    // Its methods are typed by the queues of the definition, which only the public types know.
    return this.#queue as unknown as ActorQueue;
  }

  /** The action that the context belongs to. */
  protected get call(): RunningCall | undefined {
    return undefined;
  }

  /** The handler that the context was made for has ended. */
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
    // Which registry it is, is the user's word: `c.client<typeof registry>()`.
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

/** Where a call comes from. */
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

  /** For the runtime: user code has the context in hand. */
  static callOf(context: CallContext): RunningCall {
    return context.#call;
  }

  protected override get call(): RunningCall {
    return this.#call;
  }

  /** Undefined in an action that a schedule runs. */
  get conn(): Conn | undefined {
    if (this.#call.scheduled !== undefined) return undefined;
    if (this.#conn === undefined) {
      const { params, auth } = this.#origin;
      this.#conn = this.source.transientConnection(params, this.requestSource, auth, this.#call);
    }
    return this.#conn;
  }

  /** The caller's own connection is one of them. */
  override get conns(): ReadonlyMap<string, Conn> {
    void this.conn;
    return super.conns;
  }

  override get abortSignal(): AbortSignal {
    this.#signal ??= this.source.signalOf(this.#call.abortSignal);
    return this.#signal;
  }
}
