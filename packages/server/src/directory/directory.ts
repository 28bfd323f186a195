/** Which actor runs where in this process: wakes actors, one instance each, alarms. */
import {
  type ActorCaller,
  type ActorConnection,
  type ActorHost,
  type ActorInspection,
  type ActorInstance,
  type ActorRecord,
  type ActorStore,
  type AnyDefinition,
  type CancelSignal,
  type ConnectionSink,
  type ConnectRequest,
  createInstance,
  type InvokeCall,
  type RawRequestCall,
  type RawSocketCall,
  type RawSocketHost,
  type SendCall,
  type StopReason,
  type TraceAttributes,
} from "@holdfast/actors";
import type { ActorTarget, Client } from "@holdfast/client";
import { type ActorKey, HoldfastError, isErrorCode, type Ports, uuidv4, uuidv7 } from "@holdfast/core";
import { acquireByKey } from "../internal/acquire.ts";
import {
  addressOf,
  addressOfTarget,
  duplicateKey,
  notFound,
  rethrowAsDuplicate,
} from "../internal/addresses.ts";
import { CreateMemory } from "../internal/create-memory.ts";
import { destroyActor } from "../internal/destroy-actor.ts";
import { type Slot, Slots } from "../internal/slot.ts";
import { defaultResume, type MessageLimits, type ResumeLimits } from "../limits.ts";
import { LogTail } from "../observe/log-tail.ts";
import { measuredStore } from "../observe/measured-store.ts";
import { Observer } from "../observe/observer.ts";
import type { SpanLog } from "../observe/span-log.ts";
import { Starts } from "../observe/starts.ts";
import { Alarms } from "./alarms.ts";
import { HibernatingConnections } from "./hibernating-connections.ts";

/** What the actors of one process share. */
export interface DirectoryOptions {
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  readonly store: ActorStore;
  readonly ports: Ports;
  readonly messageLimits: MessageLimits;
  /** Makes what is behind `c.client()` of an actor: `clientOfActor` for calls in this process. */
  readonly clientFor: (directory: Directory, caller: ActorCaller) => Client;
  /** Shows callers the message of every error: for development. */
  readonly exposeErrors?: boolean;
  /** `c.region` of the actors: "local" unless given. */
  readonly region?: string | undefined;
  /** How long and how much of what a client missed is kept for it. */
  readonly resume?: Partial<ResumeLimits>;
}

/** Called with the encoded result, or with an error that the caller may see. */
export type Done = (error: unknown, result: Uint8Array | undefined) => void;

/**
 * The live actors of this process. It wakes an actor on demand, makes sure that there is one instance of
 * each, and sends a call that met a sleeping or stopping instance to the next one.
 */
export class Directory implements ActorHost {
  readonly ports: Ports;
  readonly store: ActorStore;
  readonly messageLimits: MessageLimits;
  readonly resumeLimits: ResumeLimits;
  readonly exposeErrors: boolean;
  readonly region: string;
  /** The connections that outlive their actors' sleep. */
  readonly held = new HibernatingConnections();
  /** Where a server listens for these actors, without a slash at the end; undefined while none does. */
  publicUrl: string | undefined;
  readonly #definitions: ReadonlyMap<string, AnyDefinition>;
  readonly #slots = new Slots();
  readonly #byId = new Map<string, ActorInstance>();
  readonly #created: CreateMemory;
  readonly #clientFor: DirectoryOptions["clientFor"];
  /** Wakes actors for their schedules, once it is started. */
  readonly alarms: Alarms;
  /** The last records of the logs of actors. */
  readonly logs = new LogTail();
  readonly #observer: Observer;
  /** Who waits for actors to come into memory. */
  readonly starts = new Starts();
  #closing: Promise<void> | undefined;

  constructor(options: DirectoryOptions) {
    const { clock } = options.ports;
    this.ports = { ...options.ports, log: this.logs.tee(options.ports.log, clock) };
    this.#observer = new Observer(clock);
    this.store = measuredStore(options.store, this.#observer.metrics, clock);
    this.messageLimits = options.messageLimits;
    this.#clientFor = options.clientFor;
    this.exposeErrors = options.exposeErrors === true;
    this.region = options.region ?? "local";
    this.resumeLimits = { ...defaultResume, ...options.resume };
    this.#definitions = new Map(Object.entries(options.definitions));
    this.#created = new CreateMemory(options.ports.clock);
    this.alarms = new Alarms({
      store: this.store,
      ports: this.ports,
      isAwake: (id) => this.#byId.has(id),
      wake: (record) => this.#wakeDue(record),
    });
  }

  /** The actors in memory, and those on their way there or about to leave. */
  instances(): Iterable<ActorInstance> {
    return this.#byId.values();
  }

  isInMemory(id: string): boolean {
    return this.#byId.has(id);
  }

  get definitions(): ReadonlyMap<string, AnyDefinition> {
    return this.#definitions;
  }

  /** The last things that actors did, with their times. */
  get spans(): SpanLog {
    return this.#observer.spans;
  }

  /** In the text format of Prometheus. */
  metrics(): string {
    return this.#observer.text(this.instances(), this.store);
  }

  /** Looks into an actor, which wakes it. Throws `actor.not_found`, and what `use` throws. */
  inspect<T>(
    target: ActorTarget,
    use: (inspection: ActorInspection, instance: ActorInstance) => Promise<T> | T,
  ): Promise<T> {
    return this.#withInstance(target, {}, async (instance) => {
      await instance.ready;
      return use(instance.inspect(), instance);
    });
  }

  /** Actors in memory now. */
  get size(): number {
    return this.#byId.size;
  }

  /** Calls an action. `done` is called exactly once. */
  dispatch(target: ActorTarget, call: InvokeCall, done: Done): void {
    const instance = this.#awake(target);
    if (instance === undefined) void this.#dispatchSlowly(target, call, done);
    else this.#invoke(instance, target, call, done);
  }

  /** {@link dispatch} as a promise. */
  invoke(target: ActorTarget, call: InvokeCall): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.dispatch(target, call, (error, result) => {
        if (result === undefined) reject(error);
        else resolve(result);
      });
    });
  }

  /**
   * Puts a message into a queue of an actor; resolves as the actor's `send`. A wait goes on at the next
   * instance when this one stops.
   */
  send(target: ActorTarget, call: SendCall): Promise<Uint8Array> {
    const { random } = this.ports;
    const keyed =
      call.wait === true && call.idempotencyKey === undefined
        ? { ...call, idempotencyKey: uuidv4(random) }
        : call;
    return this.#withInstance(target, keyed, (instance) => instance.send(keyed));
  }

  /** Behind the outboxes of actors. */
  deliver(target: ActorTarget, call: SendCall): Promise<Uint8Array> {
    return this.send(target, call);
  }

  /** The longest body that a queue of these actors takes; 0 for an unknown name. */
  maxQueueMessageBytes(name: string): number {
    return this.optionsOf(name)?.maxQueueMessageSize ?? 0;
  }

  /** Opens a connection; `sinkFor` makes its sink for the instance that takes it. */
  async connect(
    target: ActorTarget,
    request: ConnectRequest,
    sinkFor: (instance: ActorInstance) => ConnectionSink,
  ): Promise<ActorConnection> {
    for (;;) {
      request.signal?.throwIfAborted();
      const instance = this.#awake(target) ?? (await this.#reach(target));
      try {
        return await instance.connect(request, sinkFor(instance));
      } catch (error) {
        if (!isErrorCode(error, "actor", "stopping")) throw error;
        await instance.stopped;
      }
    }
  }

  /** Hands a request to `onRequest` of an actor. */
  request(target: ActorTarget, call: RawRequestCall): Promise<Response> {
    return this.#withInstance(target, call, (instance) => instance.request(call));
  }

  /** Hands a WebSocket to `onWebSocket` of an actor. */
  openWebSocket(target: ActorTarget, call: RawSocketCall): Promise<RawSocketHost> {
    return this.#withInstance(target, call, (instance) => instance.openWebSocket(call));
  }

  /** Takes an actor out of memory in good order and starts it anew; one that sleeps only starts. */
  async reload(target: ActorTarget): Promise<void> {
    await this.#awake(target)?.sleep();
    const instance = await this.#reach(target);
    await instance.ready;
  }

  /** Runs `use` with an instance that takes it; one that was stopping has run nothing of it. */
  async #withInstance<T>(
    target: ActorTarget,
    call: { readonly signal?: CancelSignal | undefined; readonly skipReadyWait?: boolean | undefined },
    use: (instance: ActorInstance) => Promise<T>,
  ): Promise<T> {
    for (let skips = call.skipReadyWait === true; ; skips = false) {
      call.signal?.throwIfAborted();
      const inGrace = skips ? this.#inMemory(target) : undefined;
      const instance = inGrace ?? this.#awake(target) ?? (await this.#reach(target));
      try {
        return await use(instance);
      } catch (error) {
        if (!isErrorCode(error, "actor", "stopping")) throw error;
        await instance.stopped;
      }
    }
  }

  /** Brings an actor into memory. Throws `actor.not_found`, and what the store throws. */
  async wake(target: ActorTarget): Promise<void> {
    if (this.#awake(target) === undefined) await this.#reach(target);
  }

  /** What answers for the callers of a kind of actor. */
  authHook(name: string): ((...args: unknown[]) => unknown) | undefined {
    return this.#definitions.get(name)?.["~definition"].hooks.onAuth;
  }

  /** The options of a kind of actor; undefined for an unknown name. */
  optionsOf(name: string): AnyDefinition["~definition"]["options"] | undefined {
    return this.#definitions.get(name)?.["~definition"].options;
  }

  /** The id of an actor, made if the target says so. Does not wake one that exists. */
  async resolve(target: ActorTarget): Promise<{ readonly id: string; readonly key: ActorKey }> {
    this.#definition(target.name);
    if (target.type === "id") {
      const record = await this.store.get(target.id);
      if (record === undefined || record.destroyedAt !== undefined || record.name !== target.name) {
        throw notFound(target);
      }
      return { id: record.id, key: record.key };
    }
    const awake = this.#awake(target);
    const record = awake === undefined ? await this.store.find(target.name, target.key) : undefined;
    if (record !== undefined) return { id: record.id, key: target.key };
    if (awake === undefined && target.type === "get") throw notFound(target);
    const instance = awake ?? (await this.#reach(target));
    await instance.ready;
    return { id: instance.id, key: target.key };
  }

  /** Makes an actor. Throws `actor.duplicate_key`, or what its hooks throw. */
  async create(name: string, key: ActorKey, input: unknown, idempotencyKey?: string): Promise<string> {
    this.#definition(name);
    const address = addressOf(name, key);
    const memory = idempotencyKey === undefined ? undefined : `${address} ${idempotencyKey}`;
    const known = memory === undefined ? undefined : this.#created.get(memory);
    if (known !== undefined) return known;
    const made = this.#create(name, key, input);
    if (memory !== undefined) this.#created.set(memory, made);
    return made;
  }

  /** Ends an actor and its data. Throws `actor.not_destroyed` when its last commit fails. */
  destroy(target: ActorTarget): Promise<void> {
    return destroyActor(this.store, target, (asked) => this.#reach(asked));
  }

  /** Puts an actor to sleep; resolves when it is out of memory. Does nothing for one that is not in it. */
  async sleep(id: string): Promise<void> {
    await this.#byId.get(id)?.sleep();
  }

  /** Lets every actor sleep, then closes the store. Calls that come later get `gateway.shutting_down`. */
  shutdown(): Promise<void> {
    this.#closing ??= this.#shutdown();
    return this.#closing;
  }

  trace<T>(actorId: string, name: string, attributes: TraceAttributes, work: () => Promise<T>): Promise<T> {
    return this.#observer.trace(actorId, name, attributes, work);
  }

  /** Behind `c.fetch`. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return fetch(input, init);
  }

  client(caller: ActorCaller): Client {
    return this.#clientFor(this, caller);
  }

  /** Bound: an instance hands it on by itself. */
  readonly report = (errorId: string, error: unknown): void => {
    this.ports.log.error("internal error", { errorId, error });
  };

  async #shutdown(): Promise<void> {
    const alarmsStopped = this.alarms.stop();
    // Those that are being loaded become instances first: nothing is left behind.
    while (this.#slots.size > 0) {
      const slots = [...this.#slots.values()];
      await Promise.allSettled(slots.map((slot) => slot.loading));
      await Promise.all(slots.map((slot) => slot.instance?.shutdown()));
      await Promise.all(slots.map((slot) => slot.gone));
    }
    await alarmsStopped;
    await this.store.close();
  }

  /** Brings an actor into memory that is due; it arms its own timers then. */
  async #wakeDue({ id, name, key }: ActorRecord): Promise<void> {
    this.#definition(name);
    try {
      await (await this.#reach({ type: "get", name, key })).ready;
    } catch (error) {
      // Destroyed in the meantime, it is not due any more.
      if (!isErrorCode(error, "actor", "not_found") || (await this.#exists(id))) throw error;
    }
  }

  async #exists(id: string): Promise<boolean> {
    const record = await this.store.get(id);
    return record !== undefined && record.destroyedAt === undefined;
  }

  async #dispatchSlowly(target: ActorTarget, call: InvokeCall, done: Done): Promise<void> {
    let instance: ActorInstance;
    try {
      call.signal?.throwIfAborted();
      instance = await this.#reach(target);
    } catch (error) {
      done(error, undefined);
      return;
    }
    this.#invoke(instance, target, call, done);
  }

  #invoke(instance: ActorInstance, target: ActorTarget, call: InvokeCall, done: Done): void {
    this.#observer.call(instance, call, (error, result) => {
      if (!isErrorCode(error, "actor", "stopping")) return done(error, result);
      // Nothing ran. The next instance takes the call.
      return void instance.stopped.then(() => this.#dispatchSlowly(target, call, done));
    });
  }

  #inMemory(target: ActorTarget): ActorInstance | undefined {
    const instance =
      target.type === "id" ? this.#byId.get(target.id) : this.#slots.get(addressOfTarget(target))?.instance;
    return instance?.name === target.name ? instance : undefined;
  }

  /** The instance that can take a request now, without waiting. */
  #awake(target: ActorTarget): ActorInstance | undefined {
    if (this.#closing !== undefined) return undefined;
    const instance = this.#inMemory(target);
    if (instance === undefined) return undefined;
    return instance.status === "starting" || instance.status === "ready" ? instance : undefined;
  }

  async #reach(target: ActorTarget): Promise<ActorInstance> {
    const definition = this.#definition(target.name);
    if (target.type === "id") {
      const { key } = await this.resolve(target);
      const instance = await this.#reach({ type: "get", name: target.name, key });
      // The key may have passed to another actor since.
      if (instance.id !== target.id) throw notFound(target);
      return instance;
    }
    const address = addressOf(target.name, target.key);
    for (;;) {
      this.#throwIfClosing();
      const slot = this.#slots.get(address);
      if (slot === undefined) return this.#load(address, target, definition).loading;
      const instance = slot.instance;
      if (instance !== undefined) {
        if (instance.status === "starting" || instance.status === "ready") return instance;
        await slot.gone;
        continue;
      }
      // A load that does not create cannot answer for one that does, nor a creation's failure for a
      // caller who only asked whether the actor is there, or who takes it as well when it is there.
      if (slot.purpose === target.type) return slot.loading;
      await slot.loading.catch(() => undefined);
    }
  }

  #load(address: string, target: Exclude<ActorTarget, { type: "id" }>, definition: AnyDefinition): Slot {
    return this.#slots.occupy(address, target.type, async (slot) => {
      const loaded = await acquireByKey(this.store, target.name, target.key);
      if (loaded === undefined) {
        if (target.type === "get") throw notFound(target);
        return this.#start(slot, definition, target.name, target.key, {
          id: uuidv7(this.ports.clock, this.ports.random),
          epoch: 1,
          start: { type: "create", input: target.input },
        });
      }
      const { id, epoch } = loaded.record;
      const start = { type: "wake", loaded, held: this.held.take(id) } as const;
      return this.#start(slot, definition, target.name, target.key, { id, epoch, start });
    });
  }

  async #create(name: string, key: ActorKey, input: unknown): Promise<string> {
    const definition = this.#definition(name);
    const address = addressOf(name, key);
    for (;;) {
      this.#throwIfClosing();
      const slot = this.#slots.get(address);
      if (slot === undefined) break;
      const instance = slot.instance ?? (await slot.loading.catch(() => undefined));
      if (instance === undefined) continue;
      if (instance.status === "starting") await instance.ready.catch(() => undefined);
      if (instance.status === "ready") throw duplicateKey(name);
      await slot.gone;
    }
    const slot = this.#slots.occupy(address, "create", async (own) => {
      if ((await this.store.find(name, key)) !== undefined) throw duplicateKey(name);
      return this.#start(own, definition, name, key, {
        id: uuidv7(this.ports.clock, this.ports.random),
        epoch: 1,
        start: { type: "create", input },
      });
    });
    const instance = await slot.loading;
    await instance.ready.catch(rethrowAsDuplicate(name));
    return instance.id;
  }

  #start(
    slot: Slot,
    definition: AnyDefinition,
    name: string,
    key: ActorKey,
    how: Pick<Parameters<typeof createInstance>[0], "id" | "epoch" | "start">,
  ): ActorInstance {
    const instance = createInstance({ definition, name, key, host: this, ...how });
    slot.instance = instance;
    this.#byId.set(instance.id, instance);
    this.#observer.started(instance, how.start.type === "create");
    this.starts.started(instance);
    // Whoever waits for `ready` hears of a failed start; the slot itself only has to become free.
    instance.ready.catch(() => undefined);
    return instance;
  }

  /** Called by the instances. */
  left(instance: ActorInstance, reason: StopReason): void {
    const { id, name, key } = instance;
    this.#byId.delete(id);
    this.#observer.stopped(instance, reason);
    const address = addressOf(name, key);
    const slot = this.#slots.get(address);
    if (slot?.instance === instance) this.#slots.free(address, slot);
    this.alarms.left(id, reason, instance.wakeAt);
    this.ports.log.debug("actor left memory", { actorId: id, actor: name, reason });
  }

  #definition(name: string): AnyDefinition {
    const definition = this.#definitions.get(name);
    if (definition !== undefined) return definition;
    throw new HoldfastError("actor", "not_found", "No actor with this name is registered", {
      metadata: { name },
    });
  }

  #throwIfClosing(): void {
    if (this.#closing === undefined) return;
    throw new HoldfastError("gateway", "shutting_down", "The server is shutting down; try again", {
      statusCode: 503,
    });
  }
}
