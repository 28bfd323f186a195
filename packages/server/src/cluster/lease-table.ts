import type { ClusterView, DueFilter, NodeRecord, NodeSession } from "@holdfast/actors";
import { type Place, placeScope, scopeParts } from "./place.ts";
import { createDueFilter } from "./shards.ts";

/**
 * A set of shards that is leased as a unit: all names without leases of their own, one name, or the actors of one name
 * that are bound to a region or a pool.
 */
export type Scope = string;

/** The scope of all names that every node serves. */
export const generalScope: Scope = "";

/** Who holds which shard, as of one reading of the store. */
export class LeaseTable {
  readonly revision: number;
  /** See `ClusterView`. */
  readonly mark: number | undefined;
  readonly nodes: readonly NodeRecord[];
  /** Scopes in use, the general one first. */
  readonly scopes: readonly Scope[];
  /** Monotonic time of the reading, in milliseconds. */
  readonly readAt: number;
  readonly #names: ReadonlySet<string>;
  readonly #shardCount: number;
  /** Names of which some actors have a place. */
  readonly #placed: ReadonlySet<string>;
  readonly #holders = new Map<Scope, (NodeRecord | undefined)[]>();
  /** Shards by their holder, for each scope that was asked for. */
  readonly #held = new Map<Scope, ReadonlyMap<string, readonly number[]>>();
  #confirmedUntil = Number.NEGATIVE_INFINITY;
  readonly #bareName: (name: string) => string;

  /** `bareName` returns the definition's name of a stored one. */
  constructor(view: ClusterView, shards: number, readAt: number, bareName: (name: string) => string) {
    this.#bareName = bareName;
    this.revision = view.revision;
    this.mark = view.mark;
    this.nodes = view.nodes;
    this.readAt = readAt;
    this.#shardCount = shards;
    const parts = view.scopes.map(scopeParts);
    this.#names = new Set(view.scopes.filter((_, at) => parts[at] === undefined));
    this.#placed = new Set(parts.flatMap((part) => (part === undefined ? [] : [part.name])));
    this.scopes = [generalScope, ...view.scopes];
    const sessions = new Map(view.nodes.map((node) => [sessionKey(node), node]));
    for (const scope of this.scopes) this.#holders.set(scope, new Array(shards).fill(undefined));
    for (const lease of view.leases) {
      const node = sessions.get(sessionKey(lease));
      const holders = this.#holders.get(lease.scope);
      if (node === undefined || holders === undefined) continue;
      for (const shard of lease.shards) holders[shard] = node;
    }
  }

  /**
   * True if a later reading does not have the last change of this one any more: it has fewer, or another one with its
   * number.
   */
  isMissingIn(view: ClusterView): boolean {
    if (view.revision < this.revision) return true;
    return this.mark !== undefined && view.seenMark !== undefined && view.seenMark !== this.mark;
  }

  /** True if another reading differs in the holders of shards only. */
  hasSameNodes({ nodes, scopes }: LeaseTable): boolean {
    return (
      nodes.length === this.nodes.length &&
      nodes.every((node, at) => isSameNode(node, this.nodes[at])) &&
      scopes.join("\n") === this.scopes.join("\n")
    );
  }

  scopeOf(name: string): Scope {
    if (this.#names.size === 0) return generalScope;
    const bare = this.#bareName(name);
    return this.#names.has(bare) ? bare : generalScope;
  }

  /** True if actors of this name may have a place, which only their rows tell. */
  isPlaced(name: string): boolean {
    return this.#placed.size > 0 && this.#placed.has(this.#bareName(name));
  }

  /** The scope of an actor with this place; that of its name if it has none. A run of a node is not a scope. */
  scopeAt(name: string, place: Place | undefined): Scope {
    if (place === undefined || (place.region === undefined && place.pool === undefined))
      return this.scopeOf(name);
    return placeScope(this.#bareName(name), place);
  }

  /** The scope whose existence says that some actors of this name have a place. */
  placedScopeOf(name: string): Scope {
    return placeScope(this.#bareName(name), {});
  }

  /** The run of a node to which the actor is bound; undefined if it has ended. */
  pinnedTo(place: Place | undefined): NodeRecord | undefined {
    const session = place?.node;
    return session && this.nodes.find((node) => isSameSession(node, session));
  }

  /** The node whose session holds the shard; its session may have expired since. */
  holder(scope: Scope, shard: number): NodeRecord | undefined {
    return this.#holders.get(scope)?.[shard];
  }

  /** Shards of the scope that this run of a node holds. */
  heldBy(session: NodeSession, scope: Scope): readonly number[] {
    const held = this.#held.get(scope) ?? shardsByHolder(this.#holders.get(scope) ?? []);
    this.#held.set(scope, held);
    return held.get(sessionKey(session)) ?? [];
  }

  /** Selects the actors whose shards this run of a node holds; undefined if it holds all. */
  dueFilter(session: NodeSession, namespaces: readonly string[]): DueFilter | undefined {
    const names = new Map([...this.#names].map((name) => [name, this.heldBy(session, name)]));
    // Only their rows tell where placed actors run: all of them are looked at.
    const all = Array.from({ length: this.#placed.size === 0 ? 0 : this.#shardCount }, (_, shard) => shard);
    for (const name of this.#placed) names.set(name, all);
    const shards = this.heldBy(session, generalScope);
    const shardCount = this.#shardCount;
    const holdsAll = [shards, ...names.values()].every(({ length }) => length === shardCount);
    return holdsAll ? undefined : createDueFilter({ shardCount, namespaces, shards, names });
  }

  /** Nothing has changed since, and the store says that no session of another node ends before this monotonic time. */
  confirmUntil(time: number): void {
    this.#confirmedUntil = Math.max(this.#confirmedUntil, time);
  }

  /** True if the session of the node may have expired by the monotonic time `now`, by what the store has said. */
  hasExpired(node: NodeRecord, now: number): boolean {
    return Math.max(this.readAt + node.expiresInMs, this.#confirmedUntil) < now;
  }

  /** True if a running node serves actors with this name. */
  isServed(name: string): boolean {
    return this.#serversOf(name).length > 0;
  }

  /** True if a running node serves actors with this name and place. */
  isServedAt(name: string, place: Place | undefined): boolean {
    const scope = this.scopeAt(name, place);
    return this.#serversOf(name).some((node) => this.serves(node, scope));
  }

  /** True if a node may hold the leases of actors with this name and place, as far as it is alive at `now`. */
  isTaken(name: string, place: Place | undefined, now: number): boolean {
    const scope = this.scopeAt(name, place);
    return this.#serversOf(name).some(
      (node) => node.weight > 0 && !node.draining && !this.hasExpired(node, now) && this.serves(node, scope),
    );
  }

  #serversOf(name: string): readonly NodeRecord[] {
    const bare = this.#bareName(name);
    return this.nodes.filter(({ serves }) => serves.includes(bare));
  }

  /** True if the node serves actors of this scope. */
  serves(node: NodeRecord, scope: Scope): boolean {
    if (scope === generalScope) return true;
    const parts = scopeParts(scope);
    if (parts === undefined) return node.serves.includes(scope);
    const { name, region, pool } = parts;
    if ((region === "" && pool === "") || !node.serves.includes(name)) return false;
    return (region === "" || node.region === region) && (pool === "" || node.pools.includes(pool));
  }

  /** Those of the nodes that know the latest state of the scope's actors: an older one could not wake all of them. */
  latest(nodes: readonly NodeRecord[], scope: Scope): readonly NodeRecord[] {
    const name = scopeParts(scope)?.name ?? scope;
    const versionOf = ({ stateVersions }: NodeRecord): number => stateVersions?.[name] ?? 0;
    const latest = Math.max(0, ...nodes.map(versionOf));
    return nodes.filter((node) => versionOf(node) === latest);
  }
}

export function isSameSession(one: NodeSession, other: NodeSession): boolean {
  return one.id === other.id && one.incarnation === other.incarnation;
}

function isSameNode(one: NodeRecord, other: NodeRecord | undefined): boolean {
  return other !== undefined && isSameSession(one, other) && one.draining === other.draining;
}

function shardsByHolder(
  holders: readonly (NodeRecord | undefined)[],
): ReadonlyMap<string, readonly number[]> {
  const shards = new Map<string, number[]>();
  const lists = new Map<NodeRecord, number[]>();
  for (const [shard, holder] of holders.entries()) {
    if (holder === undefined) continue;
    const list = lists.get(holder);
    if (list !== undefined) {
      list.push(shard);
      continue;
    }
    const started = [shard];
    lists.set(holder, started);
    shards.set(sessionKey(holder), started);
  }
  return shards;
}

function sessionKey({ id, incarnation }: NodeSession): string {
  return `${incarnation} ${id}`;
}
