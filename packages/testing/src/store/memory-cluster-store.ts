import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

interface Session {
  node: NodeDescription;
  expiresAt: number;
}

/** `ClusterStore` in memory, on a clock that stands for that of the database. Nodes of a test share one. */
export class MemoryClusterStore implements ClusterStore {
  readonly shards: number;
  readonly #now: () => number;
  readonly #sessions = new Map<string, Session>();
  /** Holders by scope and shard. */
  readonly #leases = new Map<string, Map<number, NodeSession>>();
  readonly #scopes = new Set<string>();
  #revision = 0;

  constructor(now: () => number, shards = 16) {
    this.#now = now;
    this.shards = shards;
  }

  async join(node: NodeDescription, ttlMs: number): Promise<void> {
    this.#revision++;
    this.#removeExpired();
    if (this.#sessions.has(node.id)) {
      throw new HoldfastError("cluster", "node_exists", "A node with this id is running already");
    }
    this.#sessions.set(node.id, { node, expiresAt: this.#now() + ttlMs });
    this.#addScopes();
  }

  async renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    const own = this.#session(session);
    if (own === undefined) return undefined;
    if (draining && !own.node.draining) this.#revision++;
    own.node = { ...own.node, draining: draining || own.node.draining };
    own.expiresAt = this.#now() + ttlMs;
    const others = [...this.#sessions.values()].filter((other) => other !== own);
    const next = Math.min(...others.map(({ expiresAt }) => expiresAt));
    const nextExpiryMs = others.length === 0 ? undefined : next - this.#now();
    return { revision: this.#revision, draining: own.node.draining, nextExpiryMs };
  }

  async view(): Promise<ClusterView> {
    const leases = [...this.#leases].flatMap(([scope, holders]) => {
      const sessions = [...new Set([...holders.values()].map((holder) => JSON.stringify(holder)))];
      return sessions.map((text) => {
        const { id, incarnation } = JSON.parse(text) as NodeSession;
        const own = [...holders].filter(([, holder]) => isSame(holder, { id, incarnation }));
        return { scope, id, incarnation, shards: own.map(([shard]) => shard).sort((a, b) => a - b) };
      });
    });
    return {
      revision: this.#revision,
      nodes: [...this.#sessions.values()]
        .map(({ node, expiresAt }) => ({ ...node, expiresInMs: expiresAt - this.#now() }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      leases,
      scopes: [...this.#scopes].sort(),
    };
  }

  async claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    this.#revision++;
    this.#removeExpired();
    if (this.#session(session) === undefined) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder === undefined || this.#session(holder) === undefined) holders.set(shard, pick(session));
    }
  }

  async drain(id: string): Promise<boolean> {
    this.#revision++;
    const known = this.#sessions.get(id);
    if (known !== undefined) known.node = { ...known.node, draining: true };
    return known !== undefined;
  }

  async transfer(
    session: NodeSession,
    to: NodeSession,
    scope: string,
    shards: readonly number[],
  ): Promise<void> {
    this.#revision++;
    if (this.#session(to) === undefined) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder !== undefined && isSame(holder, session)) holders.set(shard, pick(to));
    }
  }

  async leave(session: NodeSession): Promise<void> {
    this.#revision++;
    if (this.#session(session) !== undefined) this.#sessions.delete(session.id);
  }

  #session(session: NodeSession): Session | undefined {
    const known = this.#sessions.get(session.id);
    return known !== undefined && isSame(known.node, session) ? known : undefined;
  }

  #removeExpired(): void {
    for (const [id, { expiresAt }] of this.#sessions) if (expiresAt < this.#now()) this.#sessions.delete(id);
  }

  #addScopes(): void {
    const nodes = [...this.#sessions.values()].map(({ node }) => node);
    for (const name of new Set(nodes.flatMap(({ serves }) => serves))) {
      if (nodes.some(({ serves }) => !serves.includes(name))) this.#scopes.add(name);
    }
    for (const scope of this.#scopes) {
      const holders = this.#holders(scope);
      for (const [shard, holder] of this.#holders("")) if (!holders.has(shard)) holders.set(shard, holder);
    }
  }

  #holders(scope: string): Map<number, NodeSession> {
    let holders = this.#leases.get(scope);
    if (holders === undefined) {
      holders = new Map();
      this.#leases.set(scope, holders);
    }
    return holders;
  }
}

function isSame(one: NodeSession, other: NodeSession): boolean {
  return one.id === other.id && one.incarnation === other.incarnation;
}

function pick({ id, incarnation }: NodeSession): NodeSession {
  return { id, incarnation };
}
