import { type LeaseRecord, type NodeDescription, type NodeSession, placeMark } from "@holdfast/actors";
import { corrupt } from "@holdfast/store-kit";

/** Nodes and leases as they are stored: one JSON text, which a change replaces. */
interface StoredState {
  readonly nodes: readonly NodeDescription[];
  readonly leases: readonly LeaseRecord[];
  readonly scopes: readonly string[];
}

/** Nodes and leases at one moment, to be changed and written again. */
export class ClusterState {
  readonly nodes = new Map<string, NodeDescription>();
  readonly scopes: Set<string>;
  /** Holders by scope and shard. */
  readonly #leases = new Map<string, Map<number, NodeSession>>();

  constructor(text: string | undefined) {
    const { nodes, leases, scopes } = parse(text);
    for (const node of nodes) this.nodes.set(node.id, node);
    for (const { scope, id, incarnation, shards } of leases) {
      const holders = this.#holders(scope);
      for (const shard of shards) holders.set(shard, { id, incarnation });
    }
    this.scopes = new Set(scopes);
  }

  toString(): string {
    const state: StoredState = {
      nodes: [...this.nodes.values()],
      leases: this.leases(),
      scopes: [...this.scopes],
    };
    return JSON.stringify(state);
  }

  leases(): readonly LeaseRecord[] {
    const records = new Map<string, LeaseRecord & { readonly shards: number[] }>();
    for (const [scope, holders] of this.#leases) {
      for (const [shard, { id, incarnation }] of [...holders].sort(([a], [b]) => a - b)) {
        const of = JSON.stringify([scope, id, incarnation]);
        const record = records.get(of) ?? { scope, id, incarnation, shards: [] };
        record.shards.push(shard);
        records.set(of, record);
      }
    }
    return [...records.values()];
  }

  has({ id, incarnation }: NodeSession): boolean {
    return this.nodes.get(id)?.incarnation === incarnation;
  }

  /** Gives those of the shards whose holder has no session. */
  claim(session: NodeSession, scope: string, shards: readonly number[]): void {
    if (!this.has(session)) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder === undefined || !this.has(holder)) holders.set(shard, session);
    }
  }

  transfer(from: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): void {
    if (!this.has(to)) return;
    const holders = this.#holders(scope);
    for (const shard of shards) {
      const holder = holders.get(shard);
      if (holder?.id === from.id && holder.incarnation === from.incarnation) holders.set(shard, to);
    }
  }

  /**
   * Names that only some of the nodes serve, or not all with the same state version, get leases of their own, which
   * begin where those of all names are.
   */
  addScopes(): void {
    const nodes = [...this.nodes.values()];
    for (const name of new Set(nodes.flatMap(({ serves }) => serves))) {
      const versions = new Set(nodes.map(({ stateVersions }) => stateVersions?.[name] ?? 0));
      if (versions.size > 1 || !nodes.every(({ serves }) => serves.includes(name))) this.scopes.add(name);
    }
    for (const scope of this.scopes) {
      if (scope.includes(placeMark)) continue;
      const holders = this.#holders(scope);
      for (const [shard, holder] of this.#holders("")) {
        const node = this.has(holder) ? this.nodes.get(holder.id) : undefined;
        if (node?.serves.includes(scope) === true && !holders.has(shard)) holders.set(shard, holder);
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

function parse(text: string | undefined): StoredState {
  if (text === undefined) return { nodes: [], leases: [], scopes: [] };
  try {
    return JSON.parse(text) as StoredState;
  } catch (cause) {
    throw corrupt("The record of the nodes cannot be read", cause);
  }
}
