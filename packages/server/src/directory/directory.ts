/** The actors of this process: calls reach them here, timers wake them, and shutdown puts them to sleep. */
import type {
  ActorCaller,
  ActorConnection,
  ActorHost,
  ActorInspection,
  ActorInstance,
  ActorRecord,
  ActorStore,
  AnyDefinition,
  ConnectionSink,
  ConnectRequest,
  HibernatedConnection,
  InvokeCall,
  RawRequestCall,
  RawSocketCall,
  RawSocketHost,
  SendCall,
  StopReason,
  TraceAttributes,
} from "@holdfast/actors";
import type { ActorTarget, Client, ClientDriver } from "@holdfast/client";
import { type ActorKey, encodeKey, isErrorCode, type Ports, uuidv4 } from "@holdfast/core";
import type { DirectoryCluster } from "../cluster/node/directory-cluster.ts";
import type { ActorAddress } from "../cluster/residents.ts";
import { notFound } from "../internal/addresses.ts";
import { destroyActor } from "../internal/destroy-actor.ts";
import { sendRemotely } from "../internal/send-remotely.ts";
import { defaultResume, type MessageLimits, type ResumeLimits } from "../limits.ts";
import { Namespaces } from "../namespaces/namespaces.ts";
import { LogTail } from "../observe/log-tail.ts";
import { measuredStore } from "../observe/measured-store.ts";
import { Observer } from "../observe/observer.ts";
import { SlowCalls } from "../observe/slow-calls.ts";
import type { SpanLog } from "../observe/span-log.ts";
import { Starts } from "../observe/starts.ts";
import { ActorCalls, type Done } from "./actor-calls.ts";
import { Admission } from "./admission.ts";
import { Alarms } from "./alarms.ts";
import { HibernatingConnections } from "./hibernating-connections.ts";
import { LiveActors } from "./live-actors.ts";
import { moveConnections, restoreConnections } from "./moved-connections.ts";
import { reachableStore } from "./reachable-store.ts";
import { RunningCalls } from "./running-calls.ts";

export type { Done } from "./actor-calls.ts";

/** The actors of other hosts, where each host serves a fixed part of all actors. */
export interface RemoteActors {
  isHere(target: ActorTarget): boolean;
  driver(): ClientDriver;
  /** An id for a new actor of this host, by which the other hosts find it. */
  newId(): string;
}

/** What all actors of one process share. */
export interface DirectoryOptions {
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  readonly store: ActorStore;
  readonly ports: Ports;
  readonly messageLimits: MessageLimits;
  /** Creates the client behind `c.client()` of an actor; `clientOfActor` for calls within this process. */
  readonly clientFor: (directory: Directory, caller: ActorCaller) => Client;
  /** Shows callers the message of every error. For development only. */
  readonly exposeErrors?: boolean;
  /** Calls of actions that take at least so long are logged; none without it. */
  readonly slowCallMs?: number | undefined;
  /** `c.region` of the actors: "local" by default. */
  readonly region?: string | undefined;
  /** One namespace by default. */
  readonly namespaces?: Namespaces | undefined;
  /** Limits of the missed events that are kept for a disconnected client. */
  readonly resume?: Partial<ResumeLimits>;
  /** None by default, or those of a cluster. */
  readonly remote?: RemoteActors;
  /** Called for each actor that comes into memory. */
  readonly started?: (instance: ActorInstance) => void;
}

/**
 * The entry to the actors of this process. Every call names an actor by its target; the directory wakes or
 * creates it and hands the call over. It is also the host that actors see.
 */
export class Directory implements ActorHost {
  readonly ports: Ports;
  readonly store: ActorStore;
  readonly messageLimits: MessageLimits;
  readonly resumeLimits: ResumeLimits;
  readonly exposeErrors: boolean;
  readonly region: string;
  readonly namespaces: Namespaces;
  /** The client connections that outlive the sleep of their actors. */
  readonly hibernating = new HibernatingConnections(
    (id) => this.#actors.byId(id),
    (instance) => this.mayAnswer(instance),
  );
  /** The other nodes that share the store; undefined without any. */
  cluster: DirectoryCluster | undefined;
  /** Bounds the calls of clients in progress. */
  readonly admission = new Admission();
  /** Calls that another request can cancel. */
  readonly runningCalls = new RunningCalls();
  /** Where a server listens for these actors, without a trailing slash; undefined while none does. */
  publicUrl: string | undefined;
  /** Wakes actors for their schedules, once it is started. */
  readonly alarms: Alarms;
  /** The latest log records of each actor. */
  readonly logs = new LogTail();
  /** Notifies of actors that come into memory. */
  readonly starts = new Starts();
  readonly #observer: Observer;
  readonly #actors: LiveActors;
  readonly #calls: ActorCalls;
  readonly #clientFor: DirectoryOptions["clientFor"];
  readonly #remote: RemoteActors | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: DirectoryOptions) {
    const { clock } = options.ports;
    this.ports = { ...options.ports, log: this.logs.tee(options.ports.log, clock) };
    const slowCalls =
      options.slowCallMs === undefined ? undefined : new SlowCalls(this.ports.log, options.slowCallMs);
    this.#observer = new Observer(clock, slowCalls);
    const store = measuredStore(options.store, this.#observer.metrics, clock);
    this.store = reachableStore(store, () => this.cluster);
    this.messageLimits = options.messageLimits;
    this.#clientFor = options.clientFor;
    this.#remote = options.remote;
    this.exposeErrors = options.exposeErrors === true;
    this.region = options.region ?? "local";
    const { definitions } = options;
    this.namespaces = options.namespaces ?? new Namespaces({ definitions: Object.keys(definitions) });
    this.resumeLimits = { ...defaultResume, ...options.resume };
    this.#actors = new LiveActors({
      definitions,
      namespaces: this.namespaces,
      store: this.store,
      ports: this.ports,
      host: this,
      placement: () => this.cluster,
      remote: options.remote,
      acquired: (position) => this.hibernating.reposition(position),
      takeConnections: (id) => this.hibernating.take(id),
      started: (instance, isNew) => {
        this.#observer.started(instance, isNew);
        this.cluster?.started(instance);
        this.starts.started(instance);
        options.started?.(instance);
      },
    });
    this.#calls = new ActorCalls(this.#actors, this.#observer, options.ports.tasks, (instance) =>
      this.mayAnswer(instance),
    );
    this.alarms = new Alarms({
      store: this.store,
      ports: this.ports,
      isAwake: (id) => this.isInMemory(id),
      pollMs: () => (this.cluster === undefined ? Number.POSITIVE_INFINITY : this.cluster.alarmPollMs),
      filter: () => this.cluster?.dueFilter,
      isHere: ({ name, key, place }) => this.cluster?.takes(name, key, place) !== false,
      wake: (record) => this.#wakeDue(record),
    });
  }

  // Inspection

  get definitions(): ReadonlyMap<string, AnyDefinition> {
    return this.#actors.definitions;
  }

  /** The options of a kind of actor; undefined for an unknown name. */
  optionsOf(name: string): AnyDefinition["~definition"]["options"] | undefined {
    return this.definitions.get(this.namespaces.bare(name))?.["~definition"].options;
  }

  /** The `onAuth` hook of a kind of actor. */
  authHook(name: string): ((...args: unknown[]) => unknown) | undefined {
    return this.definitions.get(this.namespaces.bare(name))?.["~definition"].hooks.onAuth;
  }

  /** The maximum body size that a queue of these actors accepts, in bytes; 0 for an unknown name. */
  maxQueueMessageBytes(name: string): number {
    return this.optionsOf(name)?.maxQueueMessageSize ?? 0;
  }

  /** True once the shutdown has begun. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** True while requests are welcome: not during a shutdown, nor on a node that has no valid session. */
  get isReady(): boolean {
    return this.#closing === undefined && this.cluster?.isReady !== false;
  }

  /** False when another node may serve the actor by now. */
  mayAnswer(instance: ActorInstance): boolean {
    return this.cluster === undefined || this.cluster.mayAnswer(instance);
  }

  /** The actors in memory, those that are starting and those that are stopping included. */
  instances(): Iterable<ActorInstance> {
    return this.#actors.instances();
  }

  isInMemory(id: string): boolean {
    return this.#actors.byId(id) !== undefined;
  }

  /** Number of actors in memory. */
  get size(): number {
    return this.#actors.size;
  }

  /** The latest spans of each actor: what it did, when, and for how long. */
  get spans(): SpanLog {
    return this.#observer.spans;
  }

  /** The metrics of the actors, in the text format of Prometheus. */
  metrics(): string {
    const { limits, calls, refused } = this.admission;
    const admitted = limits === undefined ? undefined : { calls, refused };
    const own = this.#observer.text(this.instances(), this.store, admitted);
    return own + (this.cluster?.metrics() ?? "");
  }

  /** Inspects an actor, which wakes it. Throws `actor.not_found`, and what `use` throws. */
  inspect<T>(
    target: ActorTarget,
    use: (inspection: ActorInspection, instance: ActorInstance) => Promise<T> | T,
  ): Promise<T> {
    return this.#calls.withInstance(target, {}, async (instance) => {
      await instance.ready;
      return use(instance.inspect(), instance);
    });
  }

  // Calls

  /** Calls an action. `done` is called exactly once. */
  dispatch(target: ActorTarget, call: InvokeCall, done: Done): void {
    this.#calls.dispatch(target, call, done);
  }

  /** As {@link dispatch}, as a promise. */
  invoke(target: ActorTarget, call: InvokeCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.dispatch(target, call, (error, result) => {
        if (result === undefined) reject(error);
        else resolve(result);
      });
    });
  }

  /**
   * Puts a message into a queue of an actor; resolves as the actor's `send`. A wait continues at the next
   * instance when this one stops.
   */
  send(target: ActorTarget, call: SendCall): Promise<Uint8Array> {
    const { random } = this.ports;
    const keyed =
      call.wait === true && call.idempotencyKey === undefined
        ? { ...call, idempotencyKey: uuidv4(random) }
        : call;
    return this.#calls.withInstance(target, keyed, (instance) => instance.send(keyed));
  }

  /** Another node may serve all actors: nobody waits for them here, or is connected to those out of memory. */
  release(): void {
    this.#actors.abandonLoads();
    this.hibernating.release(() => true);
  }

  /**
   * Passes the connections of actors out of memory on to the next node of each. Throws errors of the store: then their
   * connections are still held, and the call may be repeated.
   */
  moveConnections(isMoved: (address: ActorAddress) => boolean): Promise<void> {
    return moveConnections(this, isMoved, ({ name, key }) => this.#actors.loaded(name, key));
  }

  restoreConnections(instance: ActorInstance, document: Uint8Array): readonly HibernatedConnection[] {
    return restoreConnections(this, instance.id, document);
  }

  /** Opens a connection; `sinkFor` makes its sink for the instance that accepts it. */
  connect(
    target: ActorTarget,
    request: ConnectRequest,
    sinkFor: (instance: ActorInstance) => ConnectionSink,
  ): Promise<ActorConnection> {
    return this.#calls.connect(target, request, sinkFor);
  }

  /** Hands a request to `onRequest` of an actor. */
  request(target: ActorTarget, call: RawRequestCall): Promise<Response> {
    return this.#calls.withInstance(target, call, (instance) => instance.request(call));
  }

  /** Hands a WebSocket to `onWebSocket` of an actor. */
  openWebSocket(target: ActorTarget, call: RawSocketCall): Promise<RawSocketHost> {
    return this.#calls.withInstance(target, call, (instance) => instance.openWebSocket(call));
  }

  // Lifecycle

  /** The id of an actor, created if the target says so. Does not wake one that exists. */
  resolve(target: ActorTarget): Promise<{ readonly id: string; readonly key: ActorKey }> {
    return this.#actors.resolve(target);
  }

  /** Creates an actor and returns its id. Throws `actor.duplicate_key`, or what its hooks throw. */
  create(
    name: string,
    key: ActorKey,
    input: unknown,
    idempotencyKey?: string,
    place?: string,
  ): Promise<string> {
    return this.#actors.create(name, key, input, idempotencyKey, place);
  }

  /** Brings an actor into memory. Throws `actor.not_found`, and what the store throws. */
  async wake(target: ActorTarget): Promise<void> {
    if (this.#actors.awake(target) === undefined) await this.#actors.load(target);
  }

  /** Puts an actor to sleep and starts it again; one that sleeps already only starts. */
  async reload(target: ActorTarget): Promise<void> {
    await this.#actors.awake(target)?.sleep();
    const instance = await this.#actors.load(target);
    await instance.ready;
  }

  /** Puts an actor to sleep; resolves when it is out of memory. Does nothing if it is not in memory. */
  async sleep(id: string): Promise<void> {
    await this.#actors.byId(id)?.sleep();
  }

  /** Says when an actor in the store is due, to this node or to the one that wakes it. */
  expectWake(name: string, key: ActorKey, wakeAt: number): void {
    this.alarms.expect(wakeAt);
    this.cluster?.tellDue(name, key, wakeAt);
  }

  /** Destroys an actor and its data. Throws `actor.not_destroyed` when its last commit fails. */
  async destroy(target: ActorTarget): Promise<void> {
    const { cluster } = this;
    if (cluster !== undefined && (await cluster.locate(target)) !== undefined) {
      const { name, key } = await this.#addressOf(target);
      await cluster.remoteDriver().manage({ type: "destroy", name, key }, undefined);
      return;
    }
    await destroyActor(this.store, target, (each) => this.#actors.load(each));
  }

  /**
   * Moves an actor of this node to another one, or to the nodes of a region; "any" undoes that. It sleeps here and
   * wakes there. Throws `cluster.unknown_place`, `actor.no_node`, `actor.not_found`, `actor.moved`.
   */
  async move(target: ActorTarget, to: string, cluster: DirectoryCluster): Promise<void> {
    const { name, key } = await this.#addressOf(target);
    const text = encodeKey(key);
    const isMoved = (other: ActorAddress): boolean => other.name === name && encodeKey(other.key) === text;
    // The actor cannot be loaded in the meantime.
    const leave = (): Promise<void> => moveConnections(this, isMoved, async () => undefined);
    await this.#actors.relocate(name, key, (record) => cluster.relocate(record, to, leave));
    const moved = { type: "get", name, key } as const;
    if ((await cluster.locate(moved)) === undefined) await this.wake(moved);
    else await cluster.remoteDriver().reload(moved, undefined);
  }

  /** Lets every actor sleep, then closes the store. Later calls get `gateway.shutting_down`. Idempotent. */
  shutdown(): Promise<void> {
    this.#closing ??= this.#shutdown();
    return this.#closing;
  }

  async #shutdown(): Promise<void> {
    const alarmsStopped = this.alarms.stop();
    await this.#actors.close();
    await alarmsStopped;
    await this.cluster?.stop();
    await this.store.close();
  }

  /** Wakes an actor for its schedule; it arms its own timers then. */
  async #wakeDue({ id, name, key, wakeAt }: ActorRecord): Promise<void> {
    // Throws here for a name that is not registered: that is an error, whether or not the actor exists.
    this.#actors.definition(name);
    try {
      await (await this.#actors.load({ type: "get", name, key })).ready;
      if (wakeAt !== undefined) this.#observer.metrics.alarmDelay.observe(this.ports.clock.now() - wakeAt);
    } catch (error) {
      // An actor destroyed in the meantime is no longer due.
      if (!isErrorCode(error, "actor", "not_found") || (await this.#exists(id))) throw error;
    }
  }

  async #addressOf(target: ActorTarget): Promise<{ readonly name: string; readonly key: ActorKey }> {
    if (target.type !== "id") return target;
    const record = await this.store.get(target.id);
    if (record === undefined || record.destroyedAt !== undefined) throw notFound(target);
    return record;
  }

  /** An id for a new actor, by which nodes find it. */
  newId(name: string, key: ActorKey): string {
    return this.#actors.newId(name, key);
  }

  async #exists(id: string): Promise<boolean> {
    const record = await this.store.get(id);
    return record !== undefined && record.destroyedAt === undefined;
  }

  // The host of the instances

  client(caller: ActorCaller): Client {
    return this.#clientFor(this, caller);
  }

  /** `c.fetch` of an actor. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return fetch(input, init);
  }

  /** Delivers a message of an actor's outbox. */
  async deliver(target: ActorTarget, call: SendCall): Promise<unknown> {
    const { cluster } = this;
    const remote = this.#remote;
    if (remote?.isHere(target) === false) return sendRemotely(remote.driver(), target, call);
    if (cluster === undefined || (await cluster.locate(target)) === undefined) return this.send(target, call);
    return sendRemotely(cluster.remoteDriver(), target, call);
  }

  trace<T>(actorId: string, name: string, attributes: TraceAttributes, work: () => Promise<T>): Promise<T> {
    return this.#observer.trace(actorId, name, attributes, work);
  }

  /** An arrow function, because instances pass it on unbound. */
  readonly report = (errorId: string, error: unknown): void => {
    this.ports.log.error("internal error", { errorId, error });
  };

  left(instance: ActorInstance, reason: StopReason): void {
    const { id, name, key, wakeAt } = instance;
    this.#observer.stopped(instance, reason);
    this.cluster?.stopped(instance);
    this.#actors.remove(instance);
    this.alarms.left(id, reason, wakeAt);
    // Another node may have taken over before the last commit, and not know its wake-up time.
    if (reason === "slept" && wakeAt !== undefined) this.cluster?.tellDue(name, key, wakeAt);
    this.ports.log.debug("actor left memory", { actorId: id, actor: name, reason });
  }
}
