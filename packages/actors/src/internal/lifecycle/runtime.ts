import { HoldfastError } from "@holdfast/core";
import type { ActorInspection } from "../../ports/inspection.ts";
import type {
  ActorConnection,
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
import { warnOnce } from "../definition/warnings.ts";
import { openWebSocket, serveRequest } from "../raw/raw.ts";
import { isRefusedState } from "../turn/commit-queue.ts";
import { LazyPromise } from "../util/lazy.ts";
import { ActorComponents, type ActorLifecycle } from "./components.ts";
import { asAbortError } from "./error-filter.ts";
import { idleListOf } from "./idle-list.ts";
import { metaKey, writeMeta } from "./meta-records.ts";
import type { StopMode } from "./phase.ts";
import { startActor } from "./start.ts";
import { Stopper } from "./stopper.ts";

/** The two milestones of a start. */
interface Startup {
  /** Settles when the start hooks have run. */
  readonly started: LazyPromise<void>;
  /** Settles when the writes of the start hooks are durable. */
  readonly ready: LazyPromise<void>;
}

/** One instance of an actor: starts it, passes requests of the host to it, and stops it. */
export class Runtime implements ActorLifecycle {
  readonly components: ActorComponents;
  /** Undefined once the actor is ready. */
  #startup: Startup | undefined = { started: new LazyPromise(), ready: new LazyPromise() };
  #stopped: LazyPromise<StopReason> | undefined;

  constructor(options: InstanceOptions) {
    this.components = new ActorComponents(options, this);
    warnOnce(this.components.definition, this.components);
    void this.#start(options.start);
  }

  get id(): string {
    return this.components.id;
  }

  get name(): string {
    return this.components.storedName;
  }

  get key(): readonly string[] {
    return this.components.key;
  }

  get epoch(): number {
    return this.components.queue.epoch;
  }

  get version(): number {
    return this.components.queue.version;
  }

  get place(): string | undefined {
    return this.components.place;
  }

  get status(): InstanceStatus {
    return this.components.phase.status;
  }

  get ready(): Promise<void> {
    return this.#startup?.ready.promise ?? Promise.resolve();
  }

  get stopped(): Promise<StopReason> {
    this.#stopped ??= new LazyPromise();
    return this.#stopped.promise;
  }

  get #started(): Promise<void> {
    return this.#startup?.started.promise ?? Promise.resolve();
  }

  /** No work has arrived for the sleep timeout. */
  idle(): void {
    void this.sleep();
  }

  /** No user code runs. */
  rested(): void {
    this.components.release();
  }

  async #start(start: InstanceOptions["start"]): Promise<void> {
    const actor = this.components;
    const { phase, queue, ports } = actor;
    try {
      await startActor(actor, start);
      // A commit that failed in the meantime has stopped the instance, or its start took too long.
      if (phase.status !== "starting") return;
      phase.status = "ready";
      this.#startup?.started.resolve(undefined);
      const { noSleep, sleepTimeout, durability, stateSaveInterval } = actor.definition.options;
      if (!noSleep) actor.activity.watch(idleListOf(ports, sleepTimeout));
      actor.existingConnections?.started();
      actor.existingParts?.started();
      const settle = (): void => queue.after({ release: () => this.#isReady(), drop: () => {} });
      // The call that created the actor arrives before the next macrotask: both share one commit.
      if (start.type === "create" && durability !== "relaxed") ports.tasks.macrotask(settle);
      else settle();
      if (durability === "relaxed") queue.relax(stateSaveInterval);
      // Callers consider the actor gone since its destruction was requested: none is served in between.
      if (phase.destroyRequestedAt !== undefined) void this.#stop("destroyed");
    } catch (error) {
      const visible = actor.errors.sanitize(error);
      // Writes before the failure stay; the instance is dropped after they are durable.
      queue.after({ release: () => this.halt("failed", visible), drop: () => {} });
    }
  }

  #isReady(): void {
    this.#startup?.ready.resolve(undefined);
    this.#startup = undefined;
  }

  get wakeAt(): number | undefined {
    return this.components.existingParts?.wakeAt;
  }

  load(): { readonly connections: number; readonly queued: number } {
    const { existingConnections, existingParts } = this.components;
    return { connections: existingConnections?.all.size ?? 0, queued: existingParts?.queuedMessages ?? 0 };
  }

  inspect(): ActorInspection {
    return this.components.inspector;
  }

  invoke(call: InvokeCall): Promise<Uint8Array> {
    const { phase } = this.components;
    if (phase.status === "starting") return this.#started.then(() => this.invoke(call));
    if (phase.status !== "ready" && !this.#acceptsCallsFrom(call.conn)) {
      // A caller that only learns of the stop would start the actor again: a failed start rejects as itself.
      return this.#started.then(() => Promise.reject(this.components.errors.stopping()));
    }
    return this.components.calls.invoke(call);
  }

  cancelCall(idempotencyKey: string): void {
    this.components.existingCalls?.cancel(idempotencyKey);
  }

  /**
   * Connections that end with this instance may call until it stops. One that outlives a sleep is served by the
   * next instance, as it is after the sleep: the result of a call must not depend on when it arrives.
   */
  #acceptsCallsFrom(conn: ActorConnection | undefined): boolean {
    const { phase } = this.components;
    if (conn === undefined || phase.status !== "stopping") return false;
    const outlives = conn instanceof HostConnection && conn.connection.isHibernatable;
    return !(outlives && phase.stop?.mode === "slept");
  }

  /** As {@link invoke}, for a message to a queue. */
  async send(call: SendCall): Promise<Uint8Array> {
    if (this.status !== "ready") await this.#started;
    if (this.status !== "ready" && !this.#acceptsCallsFrom(call.conn))
      throw this.components.errors.stopping();
    return this.components.parts.queues.sends.send(call);
  }

  async connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection> {
    if (this.status !== "ready") await this.#started;
    await this.components.transactionLock.pass();
    if (this.status !== "ready") throw this.components.errors.stopping();
    return this.components.connections.connect(request, sink);
  }

  async request(call: RawRequestCall): Promise<Response> {
    if (this.status !== "ready") await this.#started;
    return serveRequest(this.components, call);
  }

  async openWebSocket(call: RawSocketCall): Promise<RawSocketHost> {
    if (this.status !== "ready") await this.#started;
    await this.components.transactionLock.pass();
    return openWebSocket(this.components, call);
  }

  requestSleep(): void {
    this.#requestStop("slept");
  }

  requestDestroy(): void {
    const { phase, ports } = this.components;
    // An actor that existed before may request it in a hook of its start: it ends right after the start.
    if (phase.creates || phase.status !== "starting") this.#requestStop("destroyed");
    if (phase.destroyRequestedAt !== undefined || phase.sealed) return;
    const now = ports.clock.now();
    phase.destroyRequestedAt = now;
    // Durable before anyone learns of it, however long the actor takes to end.
    writeMeta(this.components.records, metaKey.destroyAskedAt, now);
    // The parts report the wake-up time that `destroyRequestedAt` implies.
    void this.components.parts;
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

  disown(error: HoldfastError): void {
    this.components.queue.fail(error);
  }

  #stop(mode: StopMode, fromUserCode = false): Promise<StopReason> {
    const { phase, activity } = this.components;
    if (phase.status === "starting") {
      const inTime = mode === "shutdown" ? new Stopper(this.components, mode).boundStart() : () => {};
      this.#started.then(() => {
        inTime();
        void this.#stop(mode);
      }, inTime);
    } else if (phase.status === "ready") {
      phase.status = "stopping";
      activity.unwatch();
      // User code that requests the stop ends its own step first, undisturbed.
      if (!fromUserCode) this.notifyStopping();
      const stopper = new Stopper(this.components, mode);
      phase.stop = stopper;
      void stopper.run(fromUserCode);
    } else if (mode === "destroyed") phase.stop?.destroyInstead();
    return this.stopped;
  }

  /** Tells running user code that the actor stops: its signals abort, and its waits end. */
  notifyStopping(): void {
    this.#abortAll(this.components.errors.stopping());
    this.components.existingParts?.stopping();
  }

  #abortAll(reason: HoldfastError): void {
    const { existingCalls, shared } = this.components;
    shared.abort ??= new AbortController();
    shared.abort.abort(asAbortError(reason));
    existingCalls?.abortAll(reason);
  }

  /** Refuses changes from now on; the last turn carries the end of the actor if it is destroyed. */
  seal(): void {
    const { changes, phase, state, existingParts, existingStorage } = this.components;
    // Changes made so far are collected first: later code must not reach into the last commit.
    changes.checkLeaves();
    phase.sealed = true;
    existingParts?.sealed();
    // The parts write what the last turn takes along, such as the position of a workflow, while they may.
    if (phase.status !== "stopped" && changes.hasChanged()) changes.closeTurn();
    state.seal();
    existingStorage?.seal();
  }

  halt(reason: StopReason, error: HoldfastError | undefined): void {
    const { phase, activity, errors, existingCalls, existingConnections, existingParts, host, ports } =
      this.components;
    if (phase.status === "stopped") return;
    phase.status = "stopped";
    activity.unwatch();
    this.seal();
    const visible = error ?? errors.stopping();
    this.#abortAll(visible);
    existingCalls?.rejectAll(visible);
    this.components.existingLedger?.rejectLookups(errors.stopping());
    const closeCode = reason === "fenced" ? 1012 : 1011;
    const disconnect = (): void =>
      existingConnections?.abandon(closeCode, `${visible.group}.${visible.code}`, false);
    // Clients repeat their calls when they reconnect: they must receive pending errors first, or they would retry
    // forever.
    if (isRefusedState(visible)) ports.tasks.macrotask(disconnect);
    else disconnect();
    this.#startup?.started.reject(visible);
    this.#startup?.ready.reject(visible);
    existingParts?.stopped();
    host.left?.(this, reason);
    this.#stopped ??= new LazyPromise();
    this.#stopped.resolve(reason);
  }
}
