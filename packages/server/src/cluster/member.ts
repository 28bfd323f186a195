import type { ActorInstance, ActorStore, ClusterStore, NodeDescription, NodeRecord } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import { isSameSession, type LeaseTable, type Scope } from "./lease-table.ts";
import { LinkLost, Misdirected } from "./link-lost.ts";
import { type LeaseTiming, Membership } from "./membership.ts";
import { LeasePlacement, type NodeAddress, noNode, type Placement } from "./placement.ts";
import { Residents } from "./residents.ts";
import { addressHash } from "./shards.ts";

export interface MemberOptions {
  readonly store: Pick<ActorStore, "get">;
  readonly leases: ClusterStore;
  readonly ports: Ports;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  readonly node: Omit<NodeDescription, "incarnation" | "draining">;
  readonly timing: LeaseTiming;
  /** Ends the connections of sleeping actors that another node serves from now on. */
  release(isReleased: (name: string, key: ActorKey) => boolean): void;
  /** Called when this node may serve more actors than before: some may be due. */
  gained(): void;
  /** The other nodes with a session. Those that are missing have left. */
  retain(nodes: readonly NodeAddress[]): void;
  /** Tells other nodes that this one has changed the leases; resolves when they have read them. */
  announce(nodes: readonly NodeAddress[], revision: number): Promise<void>;
}

/** The body of `GET /cluster`. */
export interface ClusterStatus {
  /** The node that answers. */
  readonly node: string;
  /** Raised with each change of nodes or leases. */
  readonly revision: number;
  /** Number of shards of each scope. */
  readonly shards: number;
  /** Names that not all nodes serve, whose shards are leased apart. */
  readonly scopes: readonly string[];
  readonly nodes: readonly (Omit<NodeRecord, "incarnation"> & {
    /** Number of shards that the node holds, in all scopes. */
    readonly shards: number;
  })[];
}

/** Pause after a node could not be reached, in milliseconds, unless the leases change before. */
const retryMs = 100;

/** This process as a member of a cluster, without the connections to others: its leases and its actors. */
export class ClusterMember implements Placement {
  readonly #options: MemberOptions;
  readonly #membership: Membership;
  readonly #placement: LeasePlacement;
  readonly #residents: Residents;
  readonly #maxWaitMs: number;
  /** Instances whose actors another node may have served since: they answer nothing more, even if the lease returns. */
  readonly #disowned = new WeakSet<ActorInstance>();

  constructor(options: MemberOptions) {
    const { store, leases, ports, monotonic, timing, node } = options;
    this.#options = options;
    this.#residents = new Residents(leases.shards);
    this.#membership = new Membership({
      ...{ store: leases, ports, monotonic, node, timing },
      vacate: (scope, shard) => this.#vacate(scope, shard),
      lost: () => this.#lost(),
      changed: (table, byThisNode) => this.#changed(table, byThisNode),
      gained: () => options.gained(),
    });
    this.#maxWaitMs = timing.ttlMs + 2 * timing.renewMs;
    this.#placement = new LeasePlacement({
      ...{ membership: this.#membership, store, ports, monotonic },
      ...{ shards: leases.shards, maxWaitMs: this.#maxWaitMs },
    });
  }

  /** Joins. Throws `cluster.node_exists`, and errors of the store. */
  start(): Promise<void> {
    return this.#membership.start();
  }

  // Placement

  locate(target: ActorTarget): NodeAddress | undefined | Promise<NodeAddress | undefined> {
    return this.#placement.locate(target);
  }

  isHere(target: ActorTarget): boolean {
    return this.#membership.hasStarted && this.#placement.isHere(target);
  }

  holds(name: string, key: ActorKey): boolean {
    return this.#placement.holds(name, key);
  }

  takes(name: string, key: ActorKey): boolean {
    return this.#placement.takes(name, key);
  }

  newId(name: string, key: ActorKey): string {
    return this.#placement.newId(name, key);
  }

  /** True if this node serves the target, as far as a node with this revision of the leases knows. */
  async accepts(target: ActorTarget, revision: number): Promise<boolean> {
    // Nothing is here before the first reading of the leases.
    if (!this.#membership.hasStarted) return false;
    await this.#membership.catchUp(revision);
    return (await this.locate(target)) === undefined;
  }

  /** The revision of the leases that this node knows; 0 before it has joined. */
  get revision(): number {
    return this.#membership.hasStarted ? this.#membership.table.revision : 0;
  }

  /** Reads the leases again if another node knows a newer revision. */
  catchUp(revision: number): Promise<void> {
    return this.#membership.catchUp(revision);
  }

  /**
   * Tries the nodes that should serve the target until one does; undefined if this one does. `attempt` throws
   * `LinkLost`. Throws `actor.no_node`, `cluster.node_lost`, and what `attempt` throws.
   */
  async follow<T extends object>(
    target: ActorTarget,
    /** True if a request may be sent again although it may have arrived. */
    isRepeatable: boolean,
    signal: AbortSignal | undefined,
    attempt: (node: NodeAddress) => Promise<T | Misdirected>,
  ): Promise<T | undefined> {
    const membership = this.#membership;
    const { monotonic } = this.#options;
    const deadline = monotonic() + this.#maxWaitMs;
    for (;;) {
      signal?.throwIfAborted();
      const node = await this.locate(target);
      if (node === undefined) return undefined;
      const { revision } = this;
      try {
        const outcome = await attempt(node);
        if (!(outcome instanceof Misdirected)) return outcome;
        await membership.catchUp(outcome.revision);
        // That node has just lost the lease, and its next holder is not known yet.
        if (this.revision === revision) await membership.changeWithin(retryMs);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        signal?.throwIfAborted();
        if (error.sent && !isRepeatable) throw nodeLost(node.id, error);
        await membership.changeWithin(retryMs);
      }
      if (monotonic() >= deadline) throw noNode(target.name, true);
    }
  }

  // Actors of this node

  mayAnswer(instance: ActorInstance): boolean {
    return !this.#disowned.has(instance) && this.holds(instance.name, instance.key);
  }

  started(instance: ActorInstance): void {
    this.#residents.add(instance);
  }

  stopped(instance: ActorInstance): void {
    this.#residents.remove(instance);
  }

  // Lifecycle

  /** True once this node hands over its actors. */
  get isDraining(): boolean {
    return this.#membership.isDraining;
  }

  /** True if this node may serve actors now. */
  get isReady(): boolean {
    return this.#membership.isValid && !this.isDraining;
  }

  /** The nodes and their shares, as of now. */
  async status(): Promise<ClusterStatus> {
    await this.#membership.refresh(0);
    const { table, session } = this.#membership;
    const held = (node: NodeRecord): number =>
      table.scopes.reduce((sum, scope) => sum + table.heldBy(node, scope).length, 0);
    return {
      node: session.id,
      revision: table.revision,
      shards: this.#options.leases.shards,
      scopes: table.scopes.slice(1),
      nodes: table.nodes.map(({ incarnation: _, ...node }, at) => ({
        ...node,
        expiresInMs: Math.round(node.expiresInMs),
        shards: held(table.nodes[at] as NodeRecord),
      })),
    };
  }

  /** Asks a node to hand over its actors. Throws `cluster.unknown_node`. */
  async requestDrain(id: string): Promise<void> {
    if (await this.#options.leases.drain(id)) return;
    const message = `No node with the id "${id}" is running`;
    throw new HoldfastError("cluster", "unknown_node", message, { statusCode: 404, metadata: { node: id } });
  }

  /** Tells the other nodes of this one's leases; resolves when those that can be reached have read them. */
  async announce(): Promise<void> {
    const { table, session } = this.#membership;
    const others = table.nodes.filter((node) => !isSameSession(node, session));
    await this.#options.announce(others, table.revision);
  }

  /** Hands over all actors, within the time limit. */
  async drain(maxMs: number): Promise<void> {
    const { tasks } = this.#options.ports;
    await new Promise<void>((resolve, reject) => {
      const timer = tasks.after(maxMs, resolve);
      this.#membership
        .drain()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }

  /** Leaves. Actors must be out of memory. */
  stop(): Promise<void> {
    return this.#membership.stop();
  }

  async #vacate(scope: Scope, shard: number): Promise<void> {
    const isOfScope = (name: string): boolean => this.#membership.table.scopeOf(name) === scope;
    const instances = this.#residents.in(shard).filter(({ name }) => isOfScope(name));
    await Promise.all(instances.map((instance) => instance.sleep()));
    const mask = this.#options.leases.shards - 1;
    this.#options.release((name, key) => isOfScope(name) && (addressHash(name, key) & mask) === shard);
  }

  /** Others may serve all actors of this node: nothing of them may be answered any more. */
  #lost(): void {
    for (const instance of this.#residents.all()) {
      this.#disowned.add(instance);
      void instance.sleep();
    }
    this.#options.release(() => true);
  }

  #changed(table: LeaseTable, byThisNode: boolean): void {
    this.#options.retain(table.nodes);
    if (byThisNode) void this.announce();
  }
}

function nodeLost(node: string, cause: unknown): HoldfastError {
  const message = `The node "${node}" was lost before it answered; the request may have run. Send requests with an idempotency key to have them repeated`;
  return new HoldfastError("cluster", "node_lost", message, { statusCode: 502, cause, metadata: { node } });
}
