import type { AnyRegistry, Client } from "@holdfast/client";
import type { Logger } from "@holdfast/core";
import type { ActorKv } from "../kv.ts";
import type { BaseContext, Conn } from "../types.ts";
import type { Connection } from "./connection.ts";
import type { RunningCall } from "./running-call.ts";

/** What contexts show of their actor. */
export interface ContextSource {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly log: Logger;
  readonly kv: ActorKv;
  state: unknown;
  vars: unknown;
  readonly conns: ReadonlyMap<string, Connection>;
  readonly abortSignal: AbortSignal;
  broadcast(name: string, args: readonly unknown[]): void;
  saveState(): Promise<void>;
  keepAwake(promise: PromiseLike<unknown>): void;
  waitUntil(promise: PromiseLike<unknown>): void;
  requestSleep(): void;
  requestDestroy(): void;
  client(): object;
  /** The connection of a stateless call, made when user code asks for it. */
  transientConnection(params: unknown, request: Request | undefined): Connection;
}

/** The context of hooks. One class serves all: the public types say what each hook may use. */
export class Context implements BaseContext {
  protected readonly source: ContextSource;
  readonly #request: Request | undefined;

  constructor(source: ContextSource, request?: Request) {
    this.source = source;
    this.#request = request;
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

  get log(): Logger {
    return this.source.log;
  }

  get kv(): ActorKv {
    return this.source.kv;
  }

  get state(): unknown {
    return this.source.state;
  }

  set state(value: unknown) {
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
    return this.#request;
  }

  get abortSignal(): AbortSignal {
    return this.source.abortSignal;
  }

  get aborted(): boolean {
    return this.abortSignal.aborted;
  }

  broadcast(name: string, ...args: readonly unknown[]): void {
    this.source.broadcast(name, args);
  }

  saveState(): Promise<void> {
    return this.source.saveState();
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

  client<R extends AnyRegistry = AnyRegistry>(): Client<R> {
    // Which registry it is, is the user's word: `c.client<typeof registry>()`.
    return this.source.client() as Client<R>;
  }
}

/** The context of an action. */
export class CallContext extends Context {
  readonly #call: RunningCall;
  readonly #params: unknown;
  #conn: Connection | undefined;

  constructor(
    source: ContextSource,
    call: RunningCall,
    conn: Connection | undefined,
    params: unknown,
    request: Request | undefined,
  ) {
    super(source, request ?? conn?.request);
    this.#call = call;
    this.#conn = conn;
    this.#params = params;
  }

  get conn(): Conn {
    this.#conn ??= this.source.transientConnection(this.#params, this.request);
    return this.#conn;
  }

  override get abortSignal(): AbortSignal {
    return this.#call.abortSignal;
  }
}
