import {
  type ActorInstance,
  type ActorRecord,
  type ActorStore,
  type ClusterStore,
  hashOfId,
  type NodeSession,
  newActorId,
} from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import { addressOf } from "../internal/addresses.ts";
import { KnownPlaces } from "./known-places.ts";
import { generalScope, isSameSession, type LeaseTable, type Scope } from "./lease-table.ts";
import type { Membership } from "./membership.ts";
import { inWords, type Place, parsePlace, placeText } from "./place.ts";
import type { Starter } from "./serverless/starter.ts";
import { cutOff } from "./session/session-reads.ts";
import { addressHash, targetHash } from "./shards.ts";

/** A run of another node, as requests reach it. */
export interface NodeAddress extends NodeSession {
  /** URL of its node links. */
  readonly address: string;
}

/** The one question that the directory asks about nodes: mine, or whose? */
export interface Placement {
  /**
   * The node that serves the target; undefined for this one. Waits while the actor has no server. Throws
   * `actor.no_node`, `store.unavailable`.
   */
  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined>;
  /** True if this node is known to serve the target. */
  isHere(target: ActorTarget): boolean;
  /** True if this node may also bring the actor into memory. `place` is that of its row. */
  takes(name: string, key: ActorKey, place?: string): boolean;
  /**
   * As {@link takes}, for an actor that has been found in the store: remembers its place, and unbinds it from this node
   * if that hands over its actors.
   */
  admits(record: ActorRecord): boolean | Promise<boolean>;
  /** What is known of the target's place may be old. */
  forget(target: ActorTarget): void;
  /** An id for a new actor, which routes without a look-up. */
  newId(name: string, key: ActorKey): string;
}

export interface LeasePlacementOptions {
  readonly membership: Membership;
  readonly store: Pick<ActorStore, "get" | "find">;
  readonly leases: Pick<ClusterStore, "place">;
  readonly shards: number;
  readonly ports: Pick<Ports, "clock" | "random">;
  readonly monotonic: () => number;
  /** How long a request waits for an actor without a server. */
  readonly maxWaitMs: number;
  /** Undefined if nodes start by themselves. */
  readonly starter: Starter | undefined;
}

/** The leases are read again for an unknown name, if the last reading is older than this. */
const refreshMs = 1_000;
/** Maximum number of ids whose hash is remembered, for ids that do not carry it. */
const maxKnownIds = 10_000;

interface PlaceOf {
  readonly place?: string | undefined;
}

/** Undoes a move: the leases decide again. */
const anywhere = "any";

/** Placement by the leases of shards. */
export class LeasePlacement implements Placement {
  readonly #options: LeasePlacementOptions;
  readonly #mask: number;
  readonly #hashes = new Map<string, number>();
  readonly #places = new KnownPlaces();

  constructor(options: LeasePlacementOptions) {
    this.#options = options;
    this.#mask = options.shards - 1;
  }

  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    const { name } = target;
    const known = target.type === "id" ? this.#knownHash(target.id) : targetHash(target);
    if (known === undefined) return target.type === "id" ? this.#locateById(name, target.id) : undefined;
    if (!this.#mayBePlaced(target)) return this.#locate(name, known, undefined);
    const place = this.#places.of(target);
    return place === undefined ? this.#lookUp(target, known) : this.#locate(name, known, place);
  }

  isHere(target: ActorTarget): boolean {
    const hash = target.type === "id" ? this.#knownHash(target.id) : targetHash(target);
    if (hash === undefined) return false;
    const place = this.#mayBePlaced(target) ? this.#places.of(target) : undefined;
    if (place === undefined && this.#mayBePlaced(target)) return false;
    return this.#serverOf(target.name, hash, place) === "here";
  }

  takes(name: string, key: ActorKey, place?: string): boolean {
    const { membership } = this.#options;
    if (!membership.hasStarted) return false;
    const parsed = place === undefined ? undefined : parsePlace(place);
    const pinned = membership.table.pinnedTo(parsed);
    if (pinned !== undefined) {
      return isSameSession(pinned, membership.session) && membership.isValid && !membership.isDraining;
    }
    return membership.takes(membership.table.scopeAt(name, parsed), this.#shard(addressHash(name, key)));
  }

  admits(record: ActorRecord): boolean | Promise<boolean> {
    const { name, key, place } = record;
    const { membership } = this.#options;
    // A node that starts takes nothing yet.
    if (!membership.hasStarted) return false;
    if (place !== undefined || membership.table.isPlaced(name)) this.learn(record);
    if (this.takes(name, key, place)) return true;
    return this.#isPinnedHere(place) ? this.#unpin(record) : false;
  }

  /**
   * Writes where an actor runs from now on: a node, a region, or "any". It must not be in memory. `leave`
   * passes on what this node holds of it. Throws `cluster.unknown_place`, `actor.no_node`, `actor.moved`.
   */
  async relocate(record: ActorRecord, to: string, leave: () => Promise<void>): Promise<void> {
    const { membership, leases } = this.#options;
    await membership.refresh(0);
    const { table } = membership;
    const { name } = record;
    const { region, pool } = record.place === undefined ? {} : parsePlace(record.place);
    const node = table.nodes.find(({ id, draining }) => id === to && !draining);
    const isRegion = table.nodes.some((each) => each.region === to);
    if (node === undefined && !isRegion && to !== anywhere) throw unknownPlace(to);
    const place = node === undefined ? { region: isRegion ? to : undefined, pool } : { region, pool, node };
    const canServe =
      node === undefined ? table.isServedAt(name, place) : table.serves(node, table.scopeOf(name));
    if (!canServe) throw noNode(name, table, node === undefined ? place : {});
    await membership.openScope(table.placedScopeOf(name));
    await this.#open(name, place);
    await leave();
    const text = placeText(place);
    if (!(await leases.place(record.id, record.epoch, text))) throw moved(name);
    const { id, key } = record;
    this.learn({ id, name, key, place: text });
  }

  /** Remembers where an actor of the store may run. */
  learn({ id, name, key, place }: Pick<ActorInstance, "id" | "name" | "key"> & PlaceOf): void {
    this.#places.set(id, addressOf(name, key), place === undefined ? {} : parsePlace(place));
  }

  /** The place of an actor, as it was last seen. */
  knownPlace(name: string, key: ActorKey): Place | undefined {
    return this.knownOf({ type: "get", name, key });
  }

  /** As {@link knownPlace}; undefined for an actor whose place is not looked up. */
  knownOf(target: ActorTarget): Place | undefined {
    return this.#mayBePlaced(target) ? this.#places.of(target) : undefined;
  }

  forget(target: ActorTarget): void {
    this.#places.forget(target);
  }

  /** True if the instance may answer: nobody else can serve its actor. */
  holds(instance: ActorInstance, shard: number): boolean {
    const { membership } = this.#options;
    const { name, place } = instance;
    if (place === undefined) return membership.holds(membership.table.scopeOf(name), shard);
    if (this.#isPinnedHere(place)) return membership.isValid;
    return membership.holds(membership.table.scopeAt(name, parsePlace(place)), shard);
  }

  /** The scope whose leases the instance needs; undefined if it is bound to this run of the node. */
  scopeOf({ name, place }: Pick<ActorInstance, "name" | "place">): Scope | undefined {
    if (this.#isPinnedHere(place)) return undefined;
    return this.#options.membership.table.scopeAt(name, place === undefined ? undefined : parsePlace(place));
  }

  newId(name: string, key: ActorKey): string {
    const { clock, random } = this.#options.ports;
    return newActorId(addressHash(name, key), clock, random);
  }

  #shard(hash: number): number {
    return hash & this.#mask;
  }

  #knownHash(id: string): number | undefined {
    return hashOfId(id) ?? this.#hashes.get(id);
  }

  /** Only then the store has to be asked where the actor may run. */
  #mayBePlaced(target: ActorTarget): boolean {
    const wish = target.type === "id" ? undefined : target.place;
    return wish !== undefined || this.#options.membership.table.isPlaced(target.name);
  }

  #isPinnedHere(place: string | undefined): boolean {
    const session = place === undefined ? undefined : parsePlace(place).node;
    return session !== undefined && isSameSession(session, this.#options.membership.session);
  }

  /** This node hands over its actors: from now on, the leases decide about this one again. */
  async #unpin(record: ActorRecord): Promise<false> {
    const { region, pool } = parsePlace(record.place ?? "");
    await this.#options.leases.place(record.id, record.epoch, placeText({ region, pool }));
    this.#places.forget({ type: "id", name: record.name, id: record.id });
    this.#places.forget({ type: "get", name: record.name, key: record.key });
    return false;
  }

  /** An id of an installation that had one node: the address of its actor is in the store, and never changes. */
  async #locateById(name: string, id: string): Promise<NodeAddress | undefined> {
    const record = await this.#options.store.get(id);
    // There is no such actor: this node says so.
    if (record === undefined) return undefined;
    const hash = addressHash(record.name, record.key);
    if (this.#hashes.size >= maxKnownIds) this.#hashes.clear();
    this.#hashes.set(id, hash);
    return this.locate({ type: "id", name, id });
  }

  /** The place of an actor is in its row; that of a new one is the wish of its creator. */
  async #lookUp(target: ActorTarget, hash: number): Promise<NodeAddress | undefined> {
    const { store, membership } = this.#options;
    const { name } = target;
    const record = await (target.type === "id" ? store.get(target.id) : store.find(name, target.key));
    if (record !== undefined && record.destroyedAt === undefined) {
      this.learn(record);
      const place = this.#places.of(target);
      if (place !== undefined) await this.#open(name, place);
      return this.#locate(name, hash, place);
    }
    const wish = target.type === "id" || target.place === undefined ? undefined : parsePlace(target.place);
    if (wish === undefined) return this.#locate(name, hash, undefined);
    if (!membership.table.isServedAt(name, wish)) await membership.refresh(refreshMs);
    if (!membership.table.isServedAt(name, wish)) throw noNode(name, membership.table, wish);
    await this.#open(name, wish);
    return this.#locate(name, hash, wish);
  }

  /** The actors of a place have leases of their own from the first one on. */
  async #open(name: string, place: Place): Promise<void> {
    const { membership } = this.#options;
    const { table } = membership;
    const scope = table.scopeAt(name, place);
    if (scope !== table.scopeOf(name)) await membership.openScope(scope);
  }

  #locate(
    name: string,
    hash: number,
    place: Place | undefined,
  ): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    const server = this.#serverOf(name, hash, place);
    if (server === undefined) return this.#wait(name, hash, place);
    return server === "here" ? undefined : server;
  }

  /**
   * Who serves the actor now; undefined if nobody holds its shard, this node is handing it over or cannot renew its
   * session, or the name is not among those that this node serves.
   */
  #serverOf(name: string, hash: number, place: Place | undefined): NodeAddress | "here" | undefined {
    const { membership } = this.#options;
    const { table } = membership;
    const pinned = table.pinnedTo(place);
    if (pinned !== undefined) {
      if (!isSameSession(pinned, membership.session)) return pinned;
      return membership.isValid ? "here" : undefined;
    }
    const scope = table.scopeAt(name, place);
    const shard = this.#shard(hash);
    if (membership.takes(scope, shard)) return membership.serves(name) ? "here" : undefined;
    const holder = table.holder(scope, shard);
    if (holder === undefined || isSameSession(holder, membership.session)) return undefined;
    // Perhaps nobody but a node that has to be started takes its place.
    const isLost = this.#options.starter !== undefined && table.hasExpired(holder, this.#options.monotonic());
    return isLost ? undefined : holder;
  }

  /** Waits until somebody serves the actor. */
  async #wait(name: string, hash: number, place: Place | undefined): Promise<NodeAddress | undefined> {
    const { membership, monotonic, maxWaitMs, starter } = this.#options;
    const deadline = monotonic() + maxWaitMs + (starter?.waitMs ?? 0);
    for (;;) {
      // A node that serves the name may have joined in the meantime.
      if (!membership.table.isServedAt(name, place)) await membership.refresh(refreshMs);
      const isStarting = starter !== undefined && (await this.#start(starter, name, place));
      const { table } = membership;
      const isServed = isStarting || table.isServedAt(name, place);
      // A name that no node has ever served is unknown: this node says so.
      if (!isServed && table.scopeAt(name, place) === generalScope) return undefined;
      const server = this.#serverOf(name, hash, place);
      if (server !== undefined) return server === "here" ? undefined : server;
      const remainingMs = deadline - monotonic();
      if (remainingMs <= 0 && !membership.isValid) throw cutOff();
      if (!isServed || remainingMs <= 0) throw noNode(name, table, place);
      await membership.changeWithin(isStarting ? Math.min(remainingMs, refreshMs) : remainingMs);
    }
  }

  /** True if a node is being started for such actors. Throws `cluster.start_failed`. */
  async #start(starter: Starter, name: string, place: Place | undefined): Promise<boolean> {
    const { membership, monotonic } = this.#options;
    const isTaken = (): boolean => membership.table.isTaken(name, place, monotonic());
    if (isTaken()) return false;
    // The reading may be too old to tell which sessions have expired.
    await membership.refresh(refreshMs);
    return !isTaken() && (await starter.start(name, place));
  }
}

/** Numbers of nodes, and of actors of each, that an error lists. */
const maxListedNodes = 8;
const maxListedActors = 16;

/** The error of an actor that no node serves, or none has taken over in time. */
export function noNode(name: string, table: LeaseTable, place: Place = {}): HoldfastError {
  const { region, pool } = place;
  const where = inWords(place);
  const message = table.isServedAt(name, place)
    ? `No node has taken over the actors of "${name}"${where} in time. Try again`
    : `No running node serves actors of "${name}"${where}. Start one whose program defines and serves it${where}. ${whoServes(table)}`;
  const metadata = {
    name,
    ...(region === undefined ? {} : { region }),
    ...(pool === undefined ? {} : { pool }),
  };
  return new HoldfastError("actor", "no_node", message, { statusCode: 503, metadata });
}

/** What the running nodes serve, in words of bounded length. */
function whoServes({ nodes }: LeaseTable): string {
  const served = nodes.slice(0, maxListedNodes).map(({ id, serves, region, pools }) => {
    const where = inWords({ region: region || undefined, pool: pools.join(", ") || undefined });
    return `"${id}"${where} serves ${listed(serves, maxListedActors)}`;
  });
  return `Of the running nodes, ${listed(served, maxListedNodes, nodes.length)}`;
}

function listed(all: readonly string[], max: number, count = all.length): string {
  if (all.length === 0) return "nothing";
  const rest = count > max ? ` and ${count - max} more` : "";
  return `${all.slice(0, max).join(", ")}${rest}`;
}

function unknownPlace(to: string): HoldfastError {
  const message = `No running node that takes actors, and no region of one, is called "${to}". See: holdfast cluster status`;
  return new HoldfastError("cluster", "unknown_place", message, { statusCode: 404, metadata: { to } });
}

/** The error of a node that does not serve the actor any more. Nothing ran; the next attempt finds the new owner. */
export function moved(name: string): HoldfastError {
  const message = "Another node serves this actor now. Try again";
  return new HoldfastError("actor", "moved", message, { statusCode: 503, metadata: { name } });
}

/** The error of a node that may have lost the actor meanwhile. The call may have run, and its result may be outdated. */
export function ownerLost(): HoldfastError {
  return new HoldfastError("actor", "fenced", "Another node may serve this actor by now. Try again");
}
