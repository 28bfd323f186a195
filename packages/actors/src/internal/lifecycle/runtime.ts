import { HoldfastError, isErrorCode, type Random } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { ActorInspection } from "../../ports/inspection.ts";
import type {
  ActorConnection,
  ActorInstance,
  ConnectionSink,
  ConnectRequest,
  InstanceStatus,
  InvokeCall,
  RawRequestCall,
  RawSocketCall,
  RawSocketHost,
  SendCall,
  StopReason,
} from "../../ports/instance.ts";
import type { InstanceOptions } from "../../ports/instance-options.ts";
import { HostConnection } from "../connections/connection.ts";
import type { AnyFunction, HookName } from "../definition/runtime-definition.ts";
import { warnOnce } from "../definition/warnings.ts";
import { Inspection } from "../inspect/inspection.ts";
import { openWebSocket, serveRequest } from "../raw/raw.ts";
import { type Changes, CommitQueue, type CommitSource, isRefusedState } from "../turn/commit-queue.ts";
import { TurnTracker } from "../turn/turn-tracker.ts";
import { LazyPromise } from "../util/lazy.ts";
import type { ActivityListener } from "./activity.ts";
import { ActorSurface } from "./actor-surface.ts";
import { idleListOf } from "./idle-list.ts";
import { metaKey, writeMeta } from "./meta-records.ts";
import { startActor } from "./start.ts";
import { type StopMode, Stopper } from "./stopper.ts";

/** One running actor: holds its parts together, closes its turns and carries it from start to stop. */
export class Runtime extends ActorSurface implements ActorInstance, CommitSource, ActivityListener {
  readonly queue: CommitQueue;
  readonly #turn: TurnTracker;
  status: InstanceStatus = "starting";
  vars: unknown;
  /** Counts what left for somebody and cannot be taken back, for the same reason. */
  sends = 0;
  /** True once no change is taken any more. */
  sealed = false;

  /** Present once somebody has looked into the actor. */
  inspection: Inspection | undefined;

  #stopper: Stopper | undefined;
  #ready = new LazyPromise<void>();
  /** Settles when the start hooks have run, before what they wrote is durable. */
  #started = new LazyPromise<void>();
  #stopped: LazyPromise<StopReason> | undefined;
  /** Until the commit that creates the actor is handed in. */
  #createdAt: number | undefined;
  /**
   * Whether this instance creates its actor, or has. Until `onCreate` has ended nothing is committed: the
   * actor does not exist yet.
   */
  #creation: "none" | "running" | "over";
  /** Since when the actor is to be gone; stored, so that a crash does not take it back. */
  #destroyAskedAt: number | undefined;

  constructor(options: InstanceOptions) {
    super(options);
    const { epoch, start } = options;
    const { clock, random } = this.ports;
    const isNew = start.type === "create";
    this.#creation = isNew ? "running" : "none";
    this.#createdAt = isNew ? clock.now() : undefined;
    const loaded = start.type === "wake" ? start.loaded : undefined;
    const stored = loaded?.record;
    this.queue = new CommitQueue(this, { epoch, version: stored?.version ?? 0, nonce: nonceOf(random) });
    this.#turn = new TurnTracker(this.definition, this.ports.tasks, this.queue);
    this.createParts(loaded && { wakeAt: loaded.record.wakeAt, hasDatabase: loaded.hasDatabase === true });
    warnOnce(this.definition, this);
    void this.#start(start);
  }

  protected runtime(): Runtime {
    return this;
  }

  idle(): void {
    void this.sleep();
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get stopped(): Promise<StopReason> {
    this.#stopped ??= new LazyPromise();
    return this.#stopped.promise;
  }

  async #start(start: InstanceOptions["start"]): Promise<void> {
    try {
      await startActor(this, start);
      // A commit that failed meanwhile has stopped it, or it was given up.
      if (this.status !== "starting") return;
      this.status = "ready";
      this.#started.resolve(undefined);
      this.#started = LazyPromise.done;
      const { noSleep, sleepTimeout, durability, stateSaveInterval } = this.definition.options;
      if (!noSleep) this.activity.watch(idleListOf(this.ports, sleepTimeout));
      this.existingConnections?.started();
      this.existingParts?.started();
      const settle = (): void => this.queue.after({ release: () => this.#isReady(), drop: () => {} });
      // The call that an actor was made for comes before the next macrotask: one commit is for both.
      if (start.type === "create" && durability !== "relaxed") this.ports.tasks.macrotask(settle);
      else settle();
      if (durability === "relaxed") this.queue.relax(stateSaveInterval);
      // Nobody is served in between: to its callers the actor was gone when it was asked for.
      if (this.#destroyAskedAt !== undefined) void this.#stop("destroyed");
    } catch (error) {
      const shown = this.errors.sanitize(error);
      // What has been written before the failure stays; only then is the instance out of memory.
      this.queue.after({ release: () => this.halt("failed", shown), drop: () => {} });
    }
  }

  #isReady(): void {
    this.#ready.resolve(undefined);
    this.#ready = LazyPromise.done;
  }

  /** `onCreate` has ended: what it and `createState` made is in the first commit. */
  created(): void {
    this.#creation = "over";
    this.#turn.dirty = true;
    this.#turn.setBoundary();
  }

  // Turns: the tracker does the work

  /** Counts changes, so that a call can tell whether anything was written while it ran. */
  get writes(): number {
    return this.#turn.writes;
  }

  /** Counts changes made by user code that continued after an `await`. */
  get userWrites(): number {
    return this.#turn.userWrites;
  }

  set userWrites(count: number) {
    this.#turn.userWrites = count;
  }

  enter(fn: () => unknown): unknown {
    return this.#turn.enter(fn);
  }

  hook(name: HookName, args: unknown[], timeoutMs?: number): Promise<unknown> {
    return this.#turn.hook(name, args, timeoutMs);
  }

  runAccessHook(hook: AnyFunction, ...args: unknown[]): Promise<unknown> {
    return this.#turn.runAccessHook(hook, args);
  }

  noteChange(): void {
    this.#turn.userWrote();
    this.#turn.changed();
  }

  changed(): void {
    this.#turn.changed();
  }

  userWrote(): void {
    this.#turn.userWrote();
  }

  markDirty(): void {
    this.#turn.dirty = true;
  }

  /** Notices changes that no proxy reports; see `StateLog.checkLeaves`. */
  checkLeaves(): void {
    // In a transaction they have to stay comparable with what they were before it.
    if (this.inTransaction) return;
    this.stateHolder.checkLeaves(!this.activity.any);
    this.existingConnections?.checkLeaves(!this.activity.any);
  }

  hasChanged(): boolean {
    if (this.creating) return false;
    this.checkLeaves();
    return this.#turn.dirty;
  }

  collect(version: number): Changes | undefined {
    const changes = this.#collect(version);
    if (changes !== undefined) this.inspection?.watching.collected(version, changes);
    return changes;
  }

  #collect(version: number): Changes | undefined {
    if (!this.hasChanged()) return undefined;
    this.#closeTurn();
    this.#turn.dirty = false;
    this.existingCalls?.recordStarted();
    const state = this.stateHolder.take(this.#stopper?.destroys === true);
    const kv = this.existingStorage?.take(version);
    const calls = this.existingLedger?.take();
    const createdAt = this.#createdAt;
    this.#createdAt = undefined;
    const destroyedAt = this.#stopper?.destroyedAt;
    const wakeAt = this.existingParts?.takeWakeAt();
    const sql = this.existingParts?.existingDatabase?.takeWrote() === true;
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

  /** The parts write what belongs to the turn that ends, and has not been written yet. */
  #closeTurn(): void {
    this.existingConnections?.closing();
    this.existingParts?.closing();
  }

  /** Files and objects beside the store's own log take one commit after the other. */
  get overlaps(): boolean {
    return this.existingParts?.keepsFiles !== true;
  }

  landed(version: number): void {
    this.inspection?.watching.landed(version);
    this.existingStorage?.landed(version);
    this.existingParts?.landed(version);
  }

  settled(): void {
    if (!this.activity.any) this.rested();
  }

  commitFailed(error: unknown): HoldfastError {
    const known = isErrorCode(error, "actor", "duplicate_key") ? createdByAnotherCommit() : error;
    const shown = this.errors.fromStore(known);
    this.halt(isErrorCode(known, "actor", "fenced") ? "fenced" : "failed", shown);
    return shown;
  }

  outputThrew(error: unknown): void {
    this.errors.report(error);
  }

  /** What is stored of an earlier instance says that the actor is to be gone. */
  resumeDestruction(askedAt: number): void {
    this.#destroyAskedAt = askedAt;
  }

  /** When the actor has to be woken if it is not gone by then. */
  get destroyBy(): number | undefined {
    if (this.#destroyAskedAt === undefined) return undefined;
    return this.#destroyAskedAt + Math.min(this.definition.options.sleepGracePeriod, actorLimits.maxDelayMs);
  }

  get wakeAt(): number | undefined {
    return this.existingParts?.wakeAt;
  }

  load(): { readonly connections: number; readonly queued: number } {
    return {
      connections: this.existingConnections?.all.size ?? 0,
      queued: this.existingParts?.queuedMessages ?? 0,
    };
  }

  inspect(): ActorInspection {
    this.inspection ??= new Inspection(this);
    return this.inspection;
  }

  /** True until `onCreate` has ended. */
  get creating(): boolean {
    return this.#creation === "running";
  }

  /** True until the commit that creates the actor is handed in. */
  get unborn(): boolean {
    return this.#createdAt !== undefined;
  }

  /** Something that was written is not on its way to the store, or has not landed. */
  get unsettled(): boolean {
    return this.hasChanged() || !this.queue.idle;
  }

  // The host's side

  invoke(call: InvokeCall): Promise<Uint8Array> {
    if (this.status === "starting") return this.#started.promise.then(() => this.invoke(call));
    if (this.status !== "ready" && !this.#acceptsCallsFrom(call.conn)) {
      // A start that failed is told as that: who only hears "stopping" would start it again for ever.
      return this.#started.promise.then(() => Promise.reject(this.errors.stopping()));
    }
    return this.calls.invoke(call);
  }

  /**
   * Connections that end with this instance may call until it stops. One that outlives a sleep is served
   * by the next instance, as it is after the sleep: what it asks must not depend on the moment.
   */
  #acceptsCallsFrom(conn: ActorConnection | undefined): boolean {
    if (conn === undefined || this.status !== "stopping") return false;
    const outlives = conn instanceof HostConnection && conn.connection.isHibernatable;
    return !(outlives && this.#stopper?.sleeps === true);
  }

  /** As {@link invoke}, for a message to one of the queues. */
  async send(call: SendCall): Promise<Uint8Array> {
    if (this.status !== "ready") await this.#started.promise;
    if (this.status !== "ready" && !this.#acceptsCallsFrom(call.conn)) throw this.errors.stopping();
    return this.parts.queues.sends.send(call);
  }

  async connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection> {
    if (this.status !== "ready") await this.#started.promise;
    await this.transactionLock.pass();
    if (this.status !== "ready") throw this.errors.stopping();
    return this.connections.connect(request, sink);
  }

  async request(call: RawRequestCall): Promise<Response> {
    if (this.status !== "ready") await this.#started.promise;
    return serveRequest(this, call);
  }

  async openWebSocket(call: RawSocketCall): Promise<RawSocketHost> {
    if (this.status !== "ready") await this.#started.promise;
    await this.transactionLock.pass();
    return openWebSocket(this, call);
  }

  requestSleep(): void {
    this.#requestStop("slept");
  }

  requestDestroy(): void {
    // One that was there before may find as it wakes that its time is over: it ends as soon as it has started.
    if (this.#creation !== "none" || this.status !== "starting") this.#requestStop("destroyed");
    if (this.#destroyAskedAt !== undefined || this.sealed) return;
    this.#destroyAskedAt = this.ports.clock.now();
    // Whoever hears of it hears of something durable, however long the actor takes to end.
    writeMeta(this.records, metaKey.destroyAskedAt, this.#destroyAskedAt);
    // They tell the store when to look after it.
    this.parts;
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

  #stop(mode: StopMode, fromUserCode = false): Promise<StopReason> {
    if (this.status === "starting") {
      const inTime = mode === "shutdown" ? new Stopper(this, mode).boundStart() : () => {};
      this.#started.promise.then(() => {
        inTime();
        void this.#stop(mode);
      }, inTime);
    } else if (this.status === "ready") {
      this.status = "stopping";
      this.activity.unwatch();
      // What asks for it from inside ends its own step first, as if nothing had happened.
      if (!fromUserCode) this.notifyStopping();
      this.#stopper = new Stopper(this, mode);
      void this.#stopper.run(fromUserCode);
    } else if (mode === "destroyed") this.#stopper?.destroyInstead();
    return this.stopped;
  }

  /** User code that runs is told that the actor stops: its signals abort, and what waits ends. */
  notifyStopping(): void {
    this.#abortAll(this.errors.stopping());
    this.existingParts?.stopping();
  }

  #abortAll(reason: HoldfastError): void {
    this.abortContexts(reason);
    this.existingCalls?.abortAll(reason);
  }

  interruptCalls(error: HoldfastError): void {
    this.existingCalls?.rejectAll(error);
  }

  /** No change is taken any more; the last turn carries the end of the actor if it is destroyed. */
  seal(): void {
    // What changed up to here is taken first: later code must not reach into the last commit.
    this.checkLeaves();
    this.sealed = true;
    this.existingParts?.sealed();
    // What the last turn takes along, such as where a workflow stands, is written while something may be.
    if (this.status !== "stopped" && this.hasChanged()) this.#closeTurn();
    this.stateHolder.seal();
    this.existingStorage?.seal();
  }

  /** The instance is out of memory from now on. Idempotent. */
  halt(reason: StopReason, error: HoldfastError | undefined): void {
    if (this.status === "stopped") return;
    this.status = "stopped";
    this.activity.unwatch();
    this.seal();
    const shown = error ?? this.errors.stopping();
    this.#abortAll(shown);
    this.existingCalls?.rejectAll(shown);
    const cutOff = (): void =>
      this.existingConnections?.abandon(
        reason === "fenced" ? 1012 : 1011,
        `${shown.group}.${shown.code}`,
        false,
      );
    // Who comes back calls again: those whose turn was refused hear of it first, or they would go on and on.
    if (isRefusedState(shown)) this.ports.tasks.macrotask(cutOff);
    else cutOff();
    this.#started.reject(shown);
    this.#ready.reject(shown);
    this.existingParts?.stopped();
    this.host.left?.(this, reason);
    this.#stopped ??= new LazyPromise();
    this.#stopped.resolve(reason);
  }
}

/** Tells the commits of this instance from those that another one makes with its epoch. */
function nonceOf(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(6)));
}

/**
 * Another commit has made the actor first, such as one of which nobody knew whether it had happened. Nothing of
 * this instance has: its callers belong to the actor that there is.
 */
function createdByAnotherCommit(): HoldfastError {
  return new HoldfastError("actor", "fenced", "The actor was created by another commit first");
}
