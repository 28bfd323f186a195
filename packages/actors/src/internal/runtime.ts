import { HoldfastError, isErrorCode, type Ports, uuidv4 } from "@holdfast/core";
import type { ActorInspection } from "../inspection.ts";
import type {
  ActorConnection,
  ActorHost,
  ActorInstance,
  ConnectionSink,
  ConnectRequest,
  InstanceOptions,
  InstanceStatus,
  InvokeCall,
  RawRequestCall,
  RawSocketCall,
  RawSocketHost,
  SendCall,
  StopReason,
} from "../instance.ts";
import { Activity } from "./activity.ts";
import { ActorMembers } from "./actor-members.ts";
import { ActorState } from "./actor-state.ts";
import { CallLedger } from "./call-ledger.ts";
import { Calls } from "./calls.ts";
import { type Changes, type CommitOwner, CommitQueue } from "./commit-queue.ts";
import { Connections } from "./connections.ts";
import { Context } from "./context.ts";
import { DatabasePart, providerOf } from "./database/database-part.ts";
import { ErrorFilter } from "./error-filter.ts";
import { isThenable, withTimeout } from "./hooks.ts";
import { Inspection } from "./inspect/inspection.ts";
import { LazyPromise } from "./lazy.ts";
import { Parts } from "./parts.ts";
import { openWebSocket, serveRequest } from "./raw.ts";
import type { AnyFunction, HookName, RuntimeDefinition } from "./runtime-definition.ts";
import { startActor } from "./start.ts";
import { type StopMode, Stopper } from "./stopper.ts";
import { Storage } from "./storage.ts";
import { Transactions } from "./transactions.ts";
import { Turnstile } from "./turnstile.ts";
import { warnOnce } from "./warnings.ts";

/** One running actor: holds its parts together, closes its turns and carries it from start to stop. */
export class Runtime extends ActorMembers implements ActorInstance, CommitOwner {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly definition: RuntimeDefinition;
  readonly ports: Ports;
  readonly host: ActorHost;
  readonly queue: CommitQueue;
  readonly activity: Activity;
  readonly connections: Connections;
  readonly ledger: CallLedger;
  readonly storage: Storage;
  readonly stateHolder: ActorState;
  readonly parts: Parts;
  readonly errors: ErrorFilter;
  /** Lets actions, connections and requests begin. */
  readonly turnstile: Turnstile;
  #transactions: Transactions | undefined;
  status: InstanceStatus = "starting";
  vars: unknown;
  /** Present once somebody has looked into the actor. */
  inspection: Inspection | undefined;
  /** Counts changes, so that a call can tell whether it, or anything beside it, wrote. */
  writes = 0;
  /** Counts events that left for somebody, for the same reason. */
  sends = 0;
  /** Counts changes by user code that has gone on after an `await`. */
  userWrites = 0;
  /** True once no change is taken any more. */
  sealed = false;

  readonly #calls: Calls;
  readonly #ready = new LazyPromise<void>();
  readonly #stopped = new LazyPromise<StopReason>();
  /** Settles when the start hooks have run, before what they wrote is durable. */
  readonly #started = new LazyPromise<void>();
  readonly #createdAt: number | undefined;
  #stopper: Stopper | undefined;
  /** Until `onCreate` has ended nothing is committed: the actor does not exist yet. */
  #creating: boolean;
  #createDue: boolean;
  #destroyedAt: number | undefined;
  #dirty = false;
  #halted = false;
  /** Above zero while user code is on the stack: its turn ends when it returns, at the latest. */
  #entered = 0;
  #boundarySet = false;

  constructor(options: InstanceOptions) {
    super();
    const { host, start } = options;
    this.id = options.id;
    this.name = options.name;
    this.key = options.key;
    this.definition = options.definition["~definition"];
    this.ports = host.ports;
    this.host = host;
    const actor = { actorId: options.id, generation: options.epoch, key: options.key };
    this.errors = new ErrorFilter(host.ports.random, host.report, actor, host.exposeErrors === true);
    this.#creating = start.type === "create";
    this.#createDue = this.#creating;
    this.#createdAt = this.#creating ? host.ports.clock.now() : undefined;
    const { sleepTimeout, concurrency } = this.definition.options;
    this.turnstile = new Turnstile(concurrency === "serial");
    this.stateHolder = new ActorState(this);
    this.activity = new Activity(host.ports, sleepTimeout, () => void this.sleep());
    this.storage = new Storage(host.store, this);
    this.parts = new Parts(this, start.type === "wake" ? start.loaded.record.wakeAt : undefined);
    if (this.definition.db !== undefined) {
      const provider = providerOf(this.definition.db);
      this.parts.addDatabase(new DatabasePart(this, provider, host.store.databases, options.epoch));
    }
    this.ledger = new CallLedger(host.store, options.id, host.ports.clock, this.#creating);
    this.connections = new Connections(this);
    this.#calls = new Calls(this);
    const version = start.type === "wake" ? start.loaded.record.version : 0;
    const nonce = uuidv4(host.ports.random);
    this.queue = new CommitQueue(this, { epoch: options.epoch, version, nonce });
    warnOnce(this.definition, this);
    void this.#start(start);
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get stopped(): Promise<StopReason> {
    return this.#stopped.promise;
  }

  async #start(start: InstanceOptions["start"]): Promise<void> {
    try {
      await startActor(this, start);
      // A commit that failed meanwhile has stopped it.
      if (this.#halted) return;
      this.status = "ready";
      this.#started.resolve(undefined);
      if (!this.definition.options.noSleep) this.activity.watch();
      this.connections.started();
      this.parts.started();
      this.queue.after({ release: () => this.#ready.resolve(undefined), drop: () => {} });
      const { durability, stateSaveInterval } = this.definition.options;
      if (durability === "relaxed") this.queue.relax(stateSaveInterval);
    } catch (error) {
      const shown = this.errors.sanitize(error);
      // What has been written before the failure stays; only then is the instance out of memory.
      this.queue.after({ release: () => this.halt("failed", shown), drop: () => {} });
    }
  }

  /** `onCreate` has ended: what it and `createState` made is the first commit. */
  created(): void {
    this.#creating = false;
    this.#dirty = true;
    this.queue.close();
  }

  // Turns

  /** Runs user code on the stack; a turn that it leaves open ends at the next macrotask. */
  enter(fn: () => unknown): unknown {
    this.#entered++;
    try {
      const result = fn();
      // Where the result is not a promise, the caller ends the turn at once.
      if (this.#dirty && isThenable(result)) this.#setBoundary();
      return result;
    } finally {
      this.#entered--;
    }
  }

  /** Runs a hook, if there is one; its turn ends with it. */
  async hook(name: HookName, args: unknown[], timeoutMs?: number): Promise<unknown> {
    const hook = this.definition.hooks[name];
    if (hook === undefined) return undefined;
    const [context] = args;
    let succeeded = false;
    try {
      const result = this.enter(() => hook(...args));
      const settled = isThenable(result)
        ? await (timeoutMs === undefined ? result : withTimeout(this.ports.tasks, timeoutMs, name, result))
        : result;
      succeeded = true;
      return settled;
    } finally {
      if (context instanceof Context) context.ended(succeeded);
      this.queue.close();
    }
  }

  #changed(): void {
    this.writes++;
    this.#dirty = true;
    if (this.#entered === 0) this.#setBoundary();
  }

  /** Something that user code changed will be written when the turn closes. */
  noteChange(): void {
    this.userWrote();
    this.#changed();
  }

  /** A part has something to write when the turn closes. */
  changed(): void {
    this.#changed();
  }

  /** User code has changed something; `enter` tells whose code is on the stack, if any. */
  userWrote(): void {
    if (this.#entered === 0) this.userWrites++;
  }

  /**
   * Asks one of the access hooks of an action, event or queue. Throws what its caller sees as an
   * internal error for anything but a boolean.
   */
  async allows(name: string, hook: AnyFunction, ...args: unknown[]): Promise<boolean> {
    try {
      const allowed: unknown = await this.enter(() => hook(...args));
      if (typeof allowed === "boolean") return allowed;
    } finally {
      this.queue.close();
    }
    // Not a typed error: its caller gets "an internal error", the log what is wrong.
    throw new TypeError(`${name} must return a boolean`);
  }

  /** Something that is not user data has to be committed with this turn. */
  markDirty(): void {
    this.#dirty = true;
  }

  #setBoundary(): void {
    if (this.#boundarySet) return;
    this.#boundarySet = true;
    this.ports.tasks.macrotask(() => {
      this.#boundarySet = false;
      this.queue.close();
    });
  }

  /** Notices changes that no proxy reports; see `StateLog.checkLeaves`. */
  checkLeaves(): void {
    // In a transaction they have to stay comparable with what they were before it.
    if (this.inTransaction) return;
    this.stateHolder.checkLeaves(!this.activity.any);
    this.connections.checkLeaves(!this.activity.any);
  }

  hasChanged(): boolean {
    if (this.#creating) return false;
    this.checkLeaves();
    return this.#dirty;
  }

  collect(version: number): Changes | undefined {
    const changes = this.#collect(version);
    if (changes !== undefined) this.inspection?.watching.collected(version, changes);
    return changes;
  }

  #collect(version: number): Changes | undefined {
    if (!this.hasChanged()) return undefined;
    this.connections.closing();
    this.parts.closing();
    this.#dirty = false;
    this.#calls.recordStarted();
    const state = this.stateHolder.take();
    const kv = this.storage.take(version);
    const calls = this.ledger.take();
    const createdAt = this.#createDue ? this.#createdAt : undefined;
    this.#createDue = false;
    const destroyedAt = this.#destroyedAt;
    const wakeAt = this.parts.takeWakeAt();
    const sql = this.parts.database?.takeWrote() === true;
    if (!state && !kv && !calls && !sql && createdAt === undefined && destroyedAt === undefined && !wakeAt) {
      return undefined;
    }
    return {
      ...(createdAt === undefined ? {} : { create: { name: this.name, key: this.key, createdAt } }),
      ...(state && { state }),
      ...(kv && { kv }),
      ...(calls && { calls }),
      ...(sql ? { database: true } : {}),
      ...wakeAt,
      ...(destroyedAt === undefined ? {} : { destroyedAt }),
    };
  }

  landed(version: number): void {
    this.inspection?.watching.landed(version);
    this.storage.landed(version);
    this.parts.landed(version);
  }

  commitFailed(error: unknown): HoldfastError {
    const shown = this.errors.fromStore(error);
    this.halt(isErrorCode(error, "actor", "fenced") ? "fenced" : "failed", shown);
    return shown;
  }

  get wakeAt(): number | undefined {
    return this.parts.wakeAt;
  }

  load(): { readonly connections: number; readonly queued: number } {
    return { connections: this.connections.all.size, queued: this.parts.queuedMessages };
  }

  inspect(): ActorInspection {
    this.inspection ??= new Inspection(this);
    return this.inspection;
  }

  get transactions(): Transactions {
    this.#transactions ??= new Transactions(this);
    return this.#transactions;
  }

  get inTransaction(): boolean {
    return this.#transactions?.open === true;
  }

  /** True until `onCreate` has ended. */
  get creating(): boolean {
    return this.#creating;
  }

  /** Something that was written is not on its way to the store, or has not landed. */
  get unsettled(): boolean {
    return this.hasChanged() || !this.queue.idle;
  }

  // The host's side

  invoke(call: InvokeCall): Promise<Uint8Array> {
    if (this.status === "starting") return this.#started.promise.then(() => this.invoke(call));
    const viaConnection = call.conn !== undefined && this.status === "stopping";
    if (this.status !== "ready" && !viaConnection) {
      // A start that failed is told as that: who only hears "stopping" would start it again for ever.
      return this.#started.promise.then(() => Promise.reject(this.errors.stopping()));
    }
    return this.#calls.invoke(call);
  }

  /** As {@link invoke}, for a message to one of the queues. */
  async send(call: SendCall): Promise<Uint8Array> {
    if (this.status === "starting") await this.#started.promise;
    const viaConnection = call.conn !== undefined && this.status === "stopping";
    if (this.status !== "ready" && !viaConnection) throw this.errors.stopping();
    return this.parts.queues.sends.send(call);
  }

  async connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection> {
    if (this.status !== "ready") await this.#started.promise;
    await this.turnstile.pass();
    if (this.status !== "ready") throw this.errors.stopping();
    return this.connections.connect(request, sink);
  }

  async request(call: RawRequestCall): Promise<Response> {
    if (this.status === "starting") await this.#started.promise;
    return serveRequest(this, call);
  }

  async openWebSocket(call: RawSocketCall): Promise<RawSocketHost> {
    if (this.status === "starting") await this.#started.promise;
    await this.turnstile.pass();
    return openWebSocket(this, call);
  }

  requestSleep(): void {
    this.#requestStop("slept");
  }

  requestDestroy(): void {
    this.#requestStop("destroyed");
  }

  #requestStop(mode: StopMode): void {
    if (this.status === "starting") {
      throw new HoldfastError("actor", "starting", "An actor cannot stop itself before it has started");
    }
    void this.#stop(mode, true);
  }

  sleep(): Promise<StopReason> {
    return this.#stop("slept");
  }

  destroy(): Promise<StopReason> {
    return this.#stop("destroyed");
  }

  shutdown(): Promise<StopReason> {
    return this.#stop("shutdown");
  }

  #stop(mode: StopMode, askedInside = false): Promise<StopReason> {
    if (this.status === "starting") {
      this.#started.promise.then(
        () => this.#stop(mode),
        () => {},
      );
    } else if (this.status === "ready") {
      this.status = "stopping";
      this.activity.unwatch();
      this.#abortAll(this.errors.stopping());
      this.parts.stopping();
      this.#stopper = new Stopper(this, mode);
      void this.#stopper.run(askedInside);
    } else if (mode === "destroyed") this.#stopper?.destroyInstead();
    return this.stopped;
  }

  #abortAll(reason: HoldfastError): void {
    this.abortContexts(reason);
    this.#calls.abortAll(reason);
  }

  interruptCalls(error: HoldfastError): void {
    this.#calls.rejectAll(error);
  }

  /** No change is taken any more; the last turn carries the end of the actor if it is destroyed. */
  seal(destroyed: boolean): void {
    // What changed up to here is taken first: later code must not reach into the last commit.
    this.checkLeaves();
    if (destroyed) {
      this.#destroyedAt = this.ports.clock.now();
      this.#dirty = true;
    }
    this.sealed = true;
    this.parts.sealed();
    this.stateHolder.seal();
    this.storage.seal();
  }

  /** The instance is out of memory from now on. Idempotent. */
  halt(reason: StopReason, error: HoldfastError | undefined): void {
    if (this.#halted) return;
    this.#halted = true;
    this.status = "stopped";
    this.activity.unwatch();
    this.seal(false);
    const shown = error ?? this.errors.stopping();
    this.#abortAll(shown);
    this.#calls.rejectAll(shown);
    this.connections.abandon(reason === "fenced" ? 1012 : 1011, `${shown.group}.${shown.code}`, false);
    this.#started.reject(shown);
    this.#ready.reject(shown);
    this.parts.stopped();
    this.#stopped.resolve(reason);
  }
}
