import {
  type ActorHost,
  type ActorInstance,
  type ActorPosition,
  type ActorRecord,
  type ActorStore,
  type AnyDefinition,
  createInstance,
  type HibernatedConnection,
  type LoadedActor,
} from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import { moved, type Placement } from "../cluster/placement.ts";
import { addressHash, createActorId } from "../cluster/shards.ts";
import { acquireByKey } from "../internal/acquire.ts";
import {
  addressOf,
  addressOfTarget,
  duplicateKey,
  nameOf,
  notFound,
  rethrowAsDuplicate,
} from "../internal/addresses.ts";
import { CreateMemory } from "../internal/create-memory.ts";
import { type Slot, Slots } from "../internal/slot.ts";
import { serverLimits } from "../limits.ts";
import type { Namespaces } from "../namespaces/namespaces.ts";
import { Activations } from "./activations.ts";

export interface LiveActorsOptions {
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  readonly namespaces: Namespaces;
  readonly store: ActorStore;
  readonly ports: Pick<Ports, "clock" | "random">;
  /** Where actors are served, if several nodes share the store. */
  placement(): Placement | undefined;
  /** Where a host serves a fixed part of all actors. */
  readonly remote?: { newId(): string } | undefined;
  /** The host of every instance. */
  readonly host: ActorHost;
  /** Called when this process has become the owner of an actor, even if that does not come into memory then. */
  acquired(position: ActorPosition): void;
  /** Returns the client connections that outlived the sleep of an actor. */
  takeConnections(actorId: string): readonly HibernatedConnection[];
  /** Called for each new instance; `isNew` if it creates its actor. */
  started(instance: ActorInstance, isNew: boolean): void;
}

/** As many as a cluster has shards by default. */
const activationGroups = 1_024;

type InstanceOrigin = Pick<Parameters<typeof createInstance>[0], "id" | "epoch" | "place" | "start">;

/**
 * The actors in the memory of this process. Finds, wakes and creates them, and makes sure that there is at
 * most one instance of each: concurrent requests for one actor share one load.
 */
export class LiveActors {
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly #options: LiveActorsOptions;
  readonly #slots = new Slots();
  readonly #byId = new Map<string, ActorInstance>();
  readonly #created: CreateMemory;
  readonly #activations = new Activations(
    serverLimits.maxConcurrentActivations,
    serverLimits.maxWaitingActivations,
  );
  #isClosing = false;

  constructor(options: LiveActorsOptions) {
    this.#options = options;
    this.definitions = new Map(Object.entries(options.definitions));
    this.#created = new CreateMemory(options.ports.clock);
  }

  /** The actors in memory, those that are starting and those that are stopping included. */
  instances(): Iterable<ActorInstance> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  byId(id: string): ActorInstance | undefined {
    return this.#byId.get(id);
  }

  /** The instance in memory, in whatever state; undefined if there is none. */
  inMemory(target: ActorTarget): ActorInstance | undefined {
    const instance =
      target.type === "id" ? this.#byId.get(target.id) : this.#slots.get(addressOfTarget(target))?.instance;
    return instance?.name === target.name ? instance : undefined;
  }

  /** The instance that can take a request immediately. */
  awake(target: ActorTarget): ActorInstance | undefined {
    if (this.#isClosing) return undefined;
    const instance = this.inMemory(target);
    return instance !== undefined && takesRequests(instance) ? instance : undefined;
  }

  /**
   * Brings an actor into memory, created if the target says so. The instance may still be starting. Throws
   * `actor.not_found`, `gateway.shutting_down`, and what the store throws.
   */
  async load(target: ActorTarget): Promise<ActorInstance> {
    const definition = this.definition(target.name);
    if (target.type === "id") {
      const { key } = await this.resolve(target);
      const instance = await this.load({ type: "get", name: target.name, key });
      // The key may belong to another actor by now.
      if (instance.id !== target.id) throw notFound(target);
      return instance;
    }
    const address = addressOf(target.name, target.key);
    for (;;) {
      this.#throwIfClosing();
      const slot = this.#slots.get(address);
      if (slot === undefined) return this.#occupy(address, target, definition).loading;
      const instance = slot.instance;
      if (instance !== undefined) {
        if (takesRequests(instance)) return instance;
        await slot.gone;
        continue;
      }
      if (slot.isAbandoned) {
        await slot.ended;
        continue;
      }
      // Only loads with the same purpose share an outcome: a "get" that finds nothing does not answer a "getOrCreate",
      // and a failed creation does not answer a "get".
      if (slot.purpose === target.type) return slot.loading;
      await slot.ended;
    }
  }

  /** The id of an actor, created if the target says so. Does not wake one that exists. */
  async resolve(target: ActorTarget): Promise<{ readonly id: string; readonly key: ActorKey }> {
    this.definition(target.name);
    const { store } = this.#options;
    if (target.type === "id") {
      const record = await store.get(target.id);
      if (record === undefined || record.destroyedAt !== undefined || record.name !== target.name) {
        throw notFound(target);
      }
      return { id: record.id, key: record.key };
    }
    const awake = this.awake(target);
    const record = awake === undefined ? await store.find(target.name, target.key) : undefined;
    if (record !== undefined) return { id: record.id, key: target.key };
    if (awake === undefined && target.type === "get") throw notFound(target);
    const instance = awake ?? (await this.load(target));
    await instance.ready;
    return { id: instance.id, key: target.key };
  }

  /**
   * Creates an actor and returns its id. A repetition with the same `idempotencyKey` returns the same id.
   * Throws `actor.duplicate_key`, or what its hooks throw.
   */
  async create(
    name: string,
    key: ActorKey,
    input: unknown,
    idempotencyKey?: string,
    place?: string,
  ): Promise<string> {
    this.definition(name);
    const memoryKey = idempotencyKey === undefined ? undefined : `${addressOf(name, key)} ${idempotencyKey}`;
    const previous = memoryKey === undefined ? undefined : this.#created.get(memoryKey);
    if (previous !== undefined) return previous;
    const id = this.#create(name, key, input, place);
    if (memoryKey !== undefined) this.#created.set(memoryKey, id);
    return id;
  }

  /**
   * Puts an actor to sleep and keeps it there while `write` runs, after which another node may serve it: requests that
   * wait then find that one. Throws `actor.not_found`, and what `write` throws.
   */
  async relocate(name: string, key: ActorKey, write: (record: ActorRecord) => Promise<void>): Promise<void> {
    const address = addressOf(name, key);
    let isWritten = false;
    const occupy = (): Slot =>
      this.#slots.occupy(address, "get", async () => {
        this.#throwIfClosing();
        const record = await this.#options.store.find(name, key);
        if (record === undefined) throw notFound({ type: "get", name, key });
        await this.#assertAdmitted(record);
        await write(record);
        isWritten = true;
        throw moved(name);
      });
    const slot = await this.#afterSleep(address, occupy);
    await slot.loading.catch((error: unknown) => {
      if (!isWritten) throw error;
    });
  }

  /** Puts an actor to sleep and calls `occupy` then, before any of the requests that wait can wake it again. */
  async #afterSleep(address: string, occupy: () => Slot): Promise<Slot> {
    for (;;) {
      this.#throwIfClosing();
      const slot = this.#slots.get(address);
      if (slot === undefined) return occupy();
      const next = slot.succeed(occupy);
      if (next === undefined) {
        await slot.gone;
        continue;
      }
      await slot.ended;
      const { instance } = slot;
      await instance?.ready.catch(() => undefined);
      await instance?.sleep();
      return next;
    }
  }

  /** Called when an instance is out of memory: its key is free for the next one. */
  remove(instance: ActorInstance): void {
    this.#byId.delete(instance.id);
    const address = addressOf(instance.name, instance.key);
    const slot = this.#slots.get(address);
    if (slot?.instance === instance) this.#slots.free(address, slot);
  }

  /** Resolves when no load of this actor is under way. */
  async loaded(name: string, key: ActorKey): Promise<void> {
    const slot = this.#slots.get(addressOf(name, key));
    await slot?.ended;
  }

  /** Rejects those who wait for a load with `actor.moved`: only a node that reaches the store can end it. */
  abandonLoads(): void {
    for (const [address, slot] of this.#slots) slot.abandon(moved(nameOf(address)));
  }

  /** Refuses new loads, and resolves when every actor is out of memory. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#slots.size > 0) {
      const slots = [...this.#slots.values()];
      // Running loads become instances first, so that none is left behind.
      await Promise.all(slots.map((slot) => slot.ended));
      await Promise.all(slots.map((slot) => slot.instance?.shutdown()));
      await Promise.all(slots.map((slot) => slot.gone));
    }
  }

  /** Throws `actor.not_found` for a name that is not registered, `namespace.unknown` for one of no namespace. */
  definition(name: string): AnyDefinition {
    const { namespaces } = this.#options;
    const definition = this.definitions.get(namespaces.bare(name));
    if (definition !== undefined) return definition;
    namespaces.stored(name);
    throw new HoldfastError("actor", "not_found", "No actor with this name is registered", {
      metadata: { name },
    });
  }

  #occupy(address: string, target: Exclude<ActorTarget, { type: "id" }>, definition: AnyDefinition): Slot {
    const { name, key } = target;
    return this.#slots.occupy(address, target.type, async (slot) => {
      const loaded = await this.#acquire(name, key);
      if (loaded !== undefined) this.#options.acquired(loaded.record);
      if (loaded === undefined) {
        if (target.type === "get") throw notFound(target);
        this.#assertHere(name, key, target.place);
        return this.#start(
          slot,
          definition,
          name,
          key,
          this.#newActor(name, key, target.input, target.place),
        );
      }
      const { id, epoch, place } = loaded.record;
      this.#assertHere(name, key, place);
      const held = this.#options.takeConnections(id);
      const origin = { id, epoch, place, start: { type: "wake", loaded, held } } as const;
      return this.#start(slot, definition, name, key, origin);
    });
  }

  /** On a node of a cluster, a takeover or a burst must not flood the store. */
  #acquire(name: string, key: ActorKey): Promise<LoadedActor | undefined> {
    const acquire = (): Promise<LoadedActor | undefined> =>
      acquireByKey(this.#options.store, name, key, this.#assertAdmitted);
    if (this.#options.placement() === undefined) return acquire();
    return this.#activations.run(addressHash(name, key) % activationGroups, acquire);
  }

  async #create(name: string, key: ActorKey, input: unknown, place: string | undefined): Promise<string> {
    const definition = this.definition(name);
    const address = addressOf(name, key);
    for (;;) {
      this.#throwIfClosing();
      const slot = this.#slots.get(address);
      if (slot === undefined) break;
      await slot.ended;
      const { instance } = slot;
      if (instance === undefined) continue;
      if (instance.status === "starting") await instance.ready.catch(() => undefined);
      if (instance.status === "ready") throw duplicateKey(name);
      await slot.gone;
    }
    const slot = this.#slots.occupy(address, "create", async (own) => {
      if ((await this.#options.store.find(name, key)) !== undefined) throw duplicateKey(name);
      this.#assertHere(name, key, place);
      return this.#start(own, definition, name, key, this.#newActor(name, key, input, place));
    });
    const instance = await slot.loading;
    await instance.ready.catch(rethrowAsDuplicate(name));
    return instance.id;
  }

  /** Throws `actor.moved`. */
  #assertHere(name: string, key: ActorKey, place?: string): void {
    const placement = this.#options.placement();
    if (placement === undefined || placement.takes(name, key, place)) return;
    // What led here may be the place of an actor that was destroyed.
    placement.forget({ type: "get", name, key });
    throw moved(name);
  }

  /** Before the actor is acquired, which would take it from its owner. Throws `actor.moved`. */
  readonly #assertAdmitted = (record: ActorRecord): Promise<void> | void => {
    const admitted = this.#options.placement()?.admits(record);
    if (admitted === undefined || admitted === true) return;
    if (admitted === false) throw moved(record.name);
    return admitted.then((isAdmitted) => {
      if (!isAdmitted) throw moved(record.name);
    });
  };

  #newActor(name: string, key: ActorKey, input: unknown, place: string | undefined): InstanceOrigin {
    const id = this.newId(name, key);
    // On a single node every place is this one.
    const isPlaced = this.#options.placement() !== undefined;
    return { id, epoch: 1, place: isPlaced ? place : undefined, start: { type: "create", input } };
  }

  /** An id for a new actor, by which nodes find it. */
  newId(name: string, key: ActorKey): string {
    const { placement, remote, store, ports } = this.#options;
    return remote?.newId() ?? placement()?.newId(name, key) ?? createActorId(store, name, key, ports);
  }

  #start(
    slot: Slot,
    definition: AnyDefinition,
    name: string,
    key: ActorKey,
    origin: InstanceOrigin,
  ): ActorInstance {
    const { host, namespaces } = this.#options;
    const shown = namespaces.bare(name);
    const instance = createInstance({
      ...{ definition, name: shown, storedName: name, key, host },
      ...origin,
    });
    slot.instance = instance;
    this.#byId.set(instance.id, instance);
    this.#options.started(instance, origin.start.type === "create");
    // Callers that wait for `ready` get the error of a failed start; here the slot only has to become free.
    instance.ready.catch(() => undefined);
    return instance;
  }

  #throwIfClosing(): void {
    if (!this.#isClosing) return;
    throw new HoldfastError("gateway", "shutting_down", "The server is shutting down; try again", {
      statusCode: 503,
    });
  }
}

function takesRequests({ status }: ActorInstance): boolean {
  return status === "starting" || status === "ready";
}
