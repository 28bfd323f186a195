import type { ClusterView, NodeRecord, NodeSession } from "@holdfast/actors";

/** A set of shards that is leased as a unit: all names without leases of their own, or one name. */
export type Scope = string;

/** The scope of all names that every node serves. */
export const generalScope: Scope = "";

/** Who holds which shard, as of one reading of the store. */
export class LeaseTable {
  readonly revision: number;
  readonly nodes: readonly NodeRecord[];
  /** Scopes in use, the general one first. */
  readonly scopes: readonly Scope[];
  /** Monotonic time of the reading, in milliseconds. */
  readonly readAt: number;
  readonly #names: ReadonlySet<string>;
  readonly #holders = new Map<Scope, (NodeRecord | undefined)[]>();

  constructor(view: ClusterView, shards: number, readAt: number) {
    this.revision = view.revision;
    this.nodes = view.nodes;
    this.readAt = readAt;
    this.#names = new Set(view.scopes);
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

  scopeOf(name: string): Scope {
    return this.#names.has(name) ? name : generalScope;
  }

  /** The node whose session holds the shard; its session may have expired since. */
  holder(scope: Scope, shard: number): NodeRecord | undefined {
    return this.#holders.get(scope)?.[shard];
  }

  /** Shards of the scope that this run of a node holds. */
  heldBy(session: NodeSession, scope: Scope): readonly number[] {
    const shards: number[] = [];
    for (const [shard, holder] of (this.#holders.get(scope) ?? []).entries()) {
      if (holder !== undefined && isSameSession(holder, session)) shards.push(shard);
    }
    return shards;
  }

  /** True if the session of the node had expired at the monotonic time `now`, by the clock of the store. */
  hasExpired(node: NodeRecord, now: number): boolean {
    return node.expiresInMs < now - this.readAt;
  }

  /** True if the node serves actors of this scope. */
  serves(node: NodeRecord, scope: Scope): boolean {
    return scope === generalScope || node.serves.includes(scope);
  }
}

export function isSameSession(one: NodeSession, other: NodeSession): boolean {
  return one.id === other.id && one.incarnation === other.incarnation;
}

function sessionKey({ id, incarnation }: NodeSession): string {
  return `${incarnation} ${id}`;
}
