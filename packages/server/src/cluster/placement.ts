import type { ActorStore, NodeSession } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import type { LeaseTable } from "./lease-table.ts";
import type { Membership } from "./membership.ts";
import { addressHash, hashOfId, newActorId, targetHash } from "./shards.ts";

/** A run of another node, as requests reach it. */
export interface NodeAddress extends NodeSession {
  /** URL of its node links. */
  readonly address: string;
}

/** The one question that the directory asks about nodes: mine, or whose? */
export interface Placement {
  /**
   * The node that serves the target; undefined for this one. Waits while the actor has no server. Throws
   * `actor.no_node`.
   */
  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined>;
  /** True if this node is known to serve the target. */
  isHere(target: ActorTarget): boolean;
  /** True while this node may answer for the actor. */
  holds(name: string, key: ActorKey): boolean;
  /** True if this node may also bring the actor into memory. */
  takes(name: string, key: ActorKey): boolean;
  /** An id for a new actor, which routes without a look-up. */
  newId(name: string, key: ActorKey): string;
}

export interface LeasePlacementOptions {
  readonly membership: Membership;
  readonly store: Pick<ActorStore, "get">;
  readonly shards: number;
  readonly ports: Pick<Ports, "clock" | "random">;
  readonly monotonic: () => number;
  /** How long a request waits for an actor without a server. */
  readonly maxWaitMs: number;
}

/** The leases are read again for an unknown name, if the last reading is older than this. */
const refreshMs = 1_000;
/** Maximum number of ids whose hash is remembered, for ids that do not carry it. */
const maxKnownIds = 10_000;

/** Placement by the leases of shards. */
export class LeasePlacement implements Placement {
  readonly #options: LeasePlacementOptions;
  readonly #mask: number;
  readonly #hashes = new Map<string, number>();

  constructor(options: LeasePlacementOptions) {
    this.#options = options;
    this.#mask = options.shards - 1;
  }

  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    const { name } = target;
    const known = target.type === "id" ? this.#knownHash(target.id) : targetHash(target);
    if (known !== undefined) return this.#locate(name, known);
    return target.type === "id" ? this.#locateById(name, target.id) : undefined;
  }

  isHere(target: ActorTarget): boolean {
    const hash = target.type === "id" ? this.#knownHash(target.id) : targetHash(target);
    if (hash === undefined) return false;
    const { membership } = this.#options;
    const scope = membership.table.scopeOf(target.name);
    return membership.serves(target.name) && membership.takes(scope, this.#shard(hash));
  }

  holds(name: string, key: ActorKey): boolean {
    const { membership } = this.#options;
    return (
      membership.hasStarted &&
      membership.holds(membership.table.scopeOf(name), this.#shard(addressHash(name, key)))
    );
  }

  takes(name: string, key: ActorKey): boolean {
    const { membership } = this.#options;
    return (
      membership.hasStarted &&
      membership.takes(membership.table.scopeOf(name), this.#shard(addressHash(name, key)))
    );
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

  /** An id of an installation that had one node: the address of its actor is in the store, and never changes. */
  async #locateById(name: string, id: string): Promise<NodeAddress | undefined> {
    const record = await this.#options.store.get(id);
    // There is no such actor: this node says so.
    if (record === undefined) return undefined;
    const hash = addressHash(record.name, record.key);
    if (this.#hashes.size >= maxKnownIds) this.#hashes.clear();
    this.#hashes.set(id, hash);
    return this.#locate(name, hash);
  }

  #locate(name: string, hash: number): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    const { membership } = this.#options;
    const { table } = membership;
    const scope = table.scopeOf(name);
    const shard = this.#shard(hash);
    if (membership.takes(scope, shard)) {
      // A name that this node does not serve: another one may, and gets the shard, or nobody knows it.
      return membership.serves(name) ? undefined : this.#wait(name, hash);
    }
    const holder = table.holder(scope, shard);
    if (holder !== undefined && holder.incarnation !== membership.session.incarnation) return holder;
    return this.#wait(name, hash);
  }

  /** Nobody holds the shard, or this node is handing it over or cannot renew its session. */
  async #wait(name: string, hash: number): Promise<NodeAddress | undefined> {
    const { membership, monotonic, maxWaitMs } = this.#options;
    const deadline = monotonic() + maxWaitMs;
    for (;;) {
      // A node that serves the name may have joined in the meantime.
      if (!isServedBy(membership.table, name)) await membership.refresh(refreshMs);
      const { table } = membership;
      const isServed = isServedBy(table, name);
      // A name that no node has ever served is unknown: this node says so.
      if (!isServed && !table.scopes.includes(name)) return undefined;
      const scope = table.scopeOf(name);
      const shard = this.#shard(hash);
      if (membership.serves(name) && membership.takes(scope, shard)) return undefined;
      const holder = table.holder(scope, shard);
      if (holder !== undefined && holder.incarnation !== membership.session.incarnation) return holder;
      const remainingMs = deadline - monotonic();
      if (!isServed || remainingMs <= 0) throw noNode(name, isServed);
      await membership.changeWithin(remainingMs);
    }
  }
}

function isServedBy(table: LeaseTable, name: string): boolean {
  return table.nodes.some(({ serves }) => serves.includes(name));
}

/** The error of an actor that no node serves, or none has taken over in time. */
export function noNode(name: string, isServed: boolean): HoldfastError {
  const message = isServed
    ? `No node has taken over the actors of "${name}" in time. Try again`
    : `No running node serves actors of "${name}". Start one whose program defines it`;
  return new HoldfastError("actor", "no_node", message, { statusCode: 503, metadata: { name } });
}

/** The error of a node that does not serve the actor any more. Nothing ran; the next attempt finds the new owner. */
export function moved(name: string): HoldfastError {
  const message = "Another node serves this actor now. Try again";
  return new HoldfastError("actor", "moved", message, { statusCode: 503, metadata: { name } });
}
