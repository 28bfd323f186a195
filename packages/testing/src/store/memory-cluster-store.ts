import { randomInt } from "node:crypto";
import {
  type ClusterStore,
  type ClusterView,
  type NodeDescription,
  type NodeSession,
  placeMark,
  type Renewal,
} from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

const maxMark = 2 ** 47;

interface Session {
  node: NodeDescription;
  expiresAt: number;
}

/** `ClusterStore` in memory, on a clock that stands for that of the database. Nodes of a test share one. */
export class MemoryClusterStore implements ClusterStore {
  readonly id = "memory";
  readonly shards: number;
  readonly #now: () => number;
  readonly #sessions = new Map<string, Session>();
  /** Holders by scope and shard. */
  readonly #leases = new Map<string, Map<number, NodeSession>>();
  readonly #scopes = new Set<string>();
  /** The mark of each revision, from 1. */
  readonly #marks: number[] = [];
  readonly #newMark: () => number;
  #credentials: readonly string[] = [];

  /** `newMark` returns a random number. */
  constructor(now: () => number, shards = 16, newMark: () => number = () => randomInt(maxMark)) {
    this.#now = now;
    this.#newMark = newMark;
    this.shards = shards;
  }

  async credentials(): Promise<readonly string[]> {
    return this.#credentials;
  }

  async replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    if (JSON.stringify(expected) !== JSON.stringify(this.#credentials)) return false;
    this.#credentials = next;
    return true;
  }

  async join(node: NodeDescription, ttlMs: number): Promise<void> {
    this.#change();
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
    if (draining && !own.node.draining) this.#change();
    own.node = { ...own.node, draining: draining || own.node.draining };
    own.expiresAt = this.#now() + ttlMs;
    const others = [...this.#sessions.values()].filter((other) => other !== own);
    const next = Math.min(...others.map(({ expiresAt }) => expiresAt));
    const nextExpiryMs = others.length === 0 ? undefined : next - this.#now();
    return {
      ...this.#latest(),
      now: Math.floor(this.#now()),
      draining: own.node.draining,
      nextExpiryMs,
    };
  }

  async reweigh(session: NodeSession, weight: number): Promise<void> {
    this.#change();
    const own = this.#session(session);
    if (own !== undefined) own.node = { ...own.node, weight };
  }

  async view(seen = 0): Promise<ClusterView> {
    const leases = [...this.#leases].flatMap(([scope, holders]) => {
      const sessions = [...new Set([...holders.values()].map((holder) => JSON.stringify(holder)))];
      return sessions.map((text) => {
        const { id, incarnation } = JSON.parse(text) as NodeSession;
        const own = [...holders].filter(([, holder]) => isSame(holder, { id, incarnation }));
        return { scope, id, incarnation, shards: own.map(([shard]) => shard).sort((a, b) => a - b) };
      });
    });
    return {
      ...this.#latest(),
      seenMark: this.#marks[seen - 1],
      now: Math.floor(this.#now()),
      nodes: [...this.#sessions.values()]
        .map(({ node, expiresAt }) => ({ ...node, expiresInMs: expiresAt - this.#now() }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      leases,
      scopes: [...this.#scopes].sort(),
    };
  }

  async claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    this.#change();
    this.#removeExpired();
    if (this.#session(session) === undefined) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder === undefined || this.#session(holder) === undefined) holders.set(shard, pick(session));
    }
  }

  async drain(id: string): Promise<boolean> {
    this.#change();
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
    this.#change();
    if (this.#session(to) === undefined) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder !== undefined && isSame(holder, session)) holders.set(shard, pick(to));
    }
  }

  async openScope(scope: string): Promise<void> {
    this.#change();
    this.#scopes.add(scope);
  }

  /** It has no actors. */
  async place(): Promise<boolean> {
    return false;
  }

  async leave(session: NodeSession): Promise<void> {
    this.#change();
    if (this.#session(session) !== undefined) this.#sessions.delete(session.id);
  }

  /** Remembers the data as they are now; the function that is returned loses all changes since. */
  snapshot(): () => void {
    const kept = structuredClone({ sessions: this.#sessions, leases: this.#leases, scopes: this.#scopes });
    const changes = this.#marks.length;
    return () => {
      replaceMap(this.#sessions, kept.sessions);
      replaceMap(this.#leases, kept.leases);
      this.#scopes.clear();
      for (const scope of kept.scopes) this.#scopes.add(scope);
      this.#marks.length = changes;
    };
  }

  #change(): void {
    this.#marks.push(this.#newMark());
  }

  #latest(): Pick<Renewal, "revision" | "mark"> {
    return { revision: this.#marks.length, mark: this.#marks.at(-1) };
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
      const versions = new Set(nodes.map(({ stateVersions }) => stateVersions?.[name] ?? 0));
      const isServedByAll = nodes.every(({ serves }) => serves.includes(name));
      if (!isServedByAll || versions.size > 1) this.#scopes.add(name);
    }
    for (const scope of this.#scopes) {
      if (scope.includes(placeMark)) continue;
      const holders = this.#holders(scope);
      for (const [shard, holder] of this.#holders("")) {
        const isServed = this.#session(holder)?.node.serves.includes(scope) === true;
        if (isServed && !holders.has(shard)) holders.set(shard, holder);
      }
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

function replaceMap<K, V>(map: Map<K, V>, by: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of by) map.set(key, value);
}

function isSame(one: NodeSession, other: NodeSession): boolean {
  return one.id === other.id && one.incarnation === other.incarnation;
}

function pick({ id, incarnation }: NodeSession): NodeSession {
  return { id, incarnation };
}
