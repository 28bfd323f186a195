import type {
  ActorInstance,
  ActorRecord,
  ActorStore,
  ClusterStore,
  DueFilter,
  NodeDescription,
  NodeRecord,
} from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, HoldfastError, type Ports } from "@holdfast/core";
import type { ClusterGauges, ClusterMetrics } from "../observe/cluster-metrics.ts";
import { isSameSession, type LeaseTable, type Scope } from "./lease-table.ts";
import { LinkLost, Misdirected, nodeLost } from "./link-lost.ts";
import { Membership, noActors } from "./membership.ts";
import type { Place } from "./place.ts";
import { LeasePlacement, type NodeAddress, noNode, ownerLost, type Placement } from "./placement.ts";
import { type ActorAddress, Residents } from "./residents.ts";
import type { Starter } from "./serverless/starter.ts";
import { SessionReads } from "./session/session-reads.ts";
import type { LeaseTiming } from "./session/session-validity.ts";
import { addressHash } from "./shards.ts";
import type { Wakeups } from "./wakeups/wakeups.ts";

export interface MemberOptions {
  readonly store: Pick<ActorStore, "get" | "find">;
  readonly leases: ClusterStore;
  readonly ports: Ports;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  /** Time of the machine's clock in milliseconds, which goes on while the machine is suspended. */
  readonly wall: () => number;
  readonly node: Omit<NodeDescription, "incarnation" | "draining">;
  readonly timing: LeaseTiming;
  readonly metrics: ClusterMetrics;
  /** The definition's name of a stored one, which includes a namespace. */
  bareName(name: string): string;
  /** Prefixes that `bareName` removes. */
  readonly namespaces: readonly string[];
  /** Passes the connections of actors out of memory on to their next node. Throws errors of the store. */
  moveConnections(isMoved: (address: ActorAddress) => boolean): Promise<void>;
  /**
   * Another node may serve the actors out of memory by now: ends their connections, and rejects those who wait for one
   * to be loaded with `actor.moved`.
   */
  release(): void;
  /** Called when this node may serve more actors than before: some may be due. */
  gained(): void;
  /** Called with each reading of the store's clock, and the monotonic time at which it was asked for. */
  timed(storeNow: number, sentAt: number): void;
  /** The other nodes with a session. Those that are missing have left. */
  retain(nodes: readonly NodeAddress[]): void;
  readonly wakeups: Pick<Wakeups, "tell" | "up">;
  /** Starts nodes for actors that none takes; undefined if they start by themselves. */
  readonly starter?: Starter | undefined;
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
  /** How other nodes reach the node that answers with wake-ups, in order of preference. */
  readonly wakeups: readonly string[];
}

/** Time that a node that leaves waits for the others to hear of it, in milliseconds. */
const tellTimeoutMs = 1_000;

/** Pause after a node could not be reached, in milliseconds, unless the leases change before. */
const retryMs = 100;

/** This process as a member of a cluster, without the connections to others: its leases and its actors. */
export class ClusterMember implements Placement {
  readonly #options: MemberOptions;
  readonly #membership: Membership;
  readonly #placement: LeasePlacement;
  readonly #residents: Residents;
  readonly #reads: SessionReads;
  readonly #maxWaitMs: number;
  /** Instances whose actors another node may have served since: they answer nothing more, even if the lease returns. */
  readonly #disowned = new WeakSet<ActorInstance>();

  constructor(options: MemberOptions) {
    const { store, leases, ports, monotonic, wall, timing, node, metrics } = options;
    this.#options = options;
    this.#residents = new Residents(leases.shards);
    this.#membership = new Membership({
      ...{ store: leases, ports, monotonic, wall, node, timing, metrics },
      vacate: (scope, shard) => this.#vacate(scope, shard),
      lost: () => this.#lost(),
      changed: (table, byThisNode) => this.#changed(table, byThisNode),
      gained: () => options.gained(),
      askedToDrain: () => {
        this.#vacatePinned().catch((error: unknown) =>
          ports.log.warn("connections of actors that were moved here could not be passed on", { error }),
        );
      },
      timed: (storeNow, sentAt) => options.timed(storeNow, sentAt),
      namespaces: options.namespaces,
      bareName: (name) => options.bareName(name),
    });
    this.#reads = new SessionReads({
      tasks: ports.tasks,
      isValid: () => this.#membership.isValid,
      waitMs: timing.renewMs,
    });
    this.#maxWaitMs = timing.ttlMs + 2 * timing.renewMs;
    this.#placement = new LeasePlacement({
      ...{ membership: this.#membership, store, leases, ports, monotonic },
      ...{ shards: leases.shards, maxWaitMs: this.#maxWaitMs, starter: options.starter },
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

  takes(name: string, key: ActorKey, place?: string): boolean {
    return this.#placement.takes(name, key, place);
  }

  forget(target: ActorTarget): void {
    this.#placement.forget(target);
  }

  admits(record: ActorRecord): boolean | Promise<boolean> {
    return this.#placement.admits(record);
  }

  newId(name: string, key: ActorKey): string {
    return this.#placement.newId(name, key);
  }

  /** True if this node serves the target, as far as a node with this revision of the leases knows. */
  accepts(target: ActorTarget, revision: number): boolean | Promise<boolean> {
    // Nothing is here before the first reading of the leases.
    if (!this.#membership.hasStarted) return false;
    return (revision <= this.revision && this.isHere(target)) || this.#accepts(target, revision);
  }

  async #accepts(target: ActorTarget, revision: number): Promise<boolean> {
    await this.#membership.catchUp(revision);
    if ((await this.locate(target)) === undefined) return true;
    if (this.#placement.knownOf(target) === undefined) return false;
    // The other node may know a newer place of the actor.
    this.#placement.forget(target);
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
    signal: Pick<AbortSignal, "throwIfAborted"> | undefined,
    attempt: (node: NodeAddress) => Promise<T | Misdirected>,
  ): Promise<T | undefined> {
    const membership = this.#membership;
    const { monotonic } = this.#options;
    const deadline = monotonic() + this.#maxWaitMs;
    for (;;) {
      signal?.throwIfAborted();
      const located = this.locate(target);
      const node = located instanceof Promise ? await located : located;
      if (node === undefined) return undefined;
      const { revision } = this;
      try {
        const outcome = await attempt(node);
        if (!(outcome instanceof Misdirected)) return outcome;
        this.#options.metrics.misdirected++;
        this.#placement.forget(target);
        await membership.catchUp(outcome.revision);
        // That node has just lost the lease, and its next holder is not known yet.
        if (this.revision === revision) await membership.changeWithin(retryMs);
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        signal?.throwIfAborted();
        if (error.sent && !isRepeatable) throw nodeLost(node.id, error);
        await membership.changeWithin(retryMs);
      }
      if (monotonic() >= deadline) throw noNode(target.name, membership.table);
    }
  }

  // Actors of this node

  /** Selects the actors that this node wakes; undefined if these are all. */
  get dueFilter(): DueFilter | undefined {
    return this.#membership.hasStarted ? this.#membership.dueFilter : noActors;
  }

  mayAnswer(instance: ActorInstance): boolean {
    return (
      !this.#disowned.has(instance) &&
      this.#membership.hasStarted &&
      this.#placement.holds(instance, this.#residents.shardOf(instance))
    );
  }

  started(instance: ActorInstance): void {
    if (instance.place !== undefined) this.#placement.learn(instance);
    this.#residents.add(instance);
  }

  stopped(instance: ActorInstance): void {
    this.#residents.remove(instance);
  }

  // Lifecycle

  /** See `DirectoryCluster`. */
  reach<T>(reading: Promise<T>): Promise<T> {
    return this.#membership.hasStarted ? this.#reads.run(reading) : reading;
  }

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
      wakeups: this.#options.wakeups.up,
    };
  }

  /** The values that `/metrics` shows of the last reading of the leases. */
  get gauges(): Pick<ClusterGauges, "nodes" | "shards" | "leaving" | "revision" | "leaseMs"> {
    const { table, session, remainingMs, leaving } = this.#membership;
    const now = this.#options.monotonic();
    const nodes = { serving: 0, draining: 0, expired: 0 };
    for (const node of table.nodes) {
      const isOwn = isSameSession(node, session);
      if (!isOwn && table.hasExpired(node, now)) nodes.expired++;
      else if (isOwn ? this.isDraining : node.draining) nodes.draining++;
      else nodes.serving++;
    }
    const shards = table.scopes.reduce((sum, scope) => sum + table.heldBy(session, scope).length, 0);
    return { nodes, shards, leaving, revision: table.revision, leaseMs: remainingMs };
  }

  /** The nodes whose sessions this one knows, itself included. */
  get nodes(): readonly NodeRecord[] {
    return this.#membership.hasStarted ? this.#membership.table.nodes : [];
  }

  /** See `DirectoryCluster`. */
  relocate(record: ActorRecord, to: string, leave: () => Promise<void>): Promise<void> {
    return this.#placement.relocate(record, to, leave);
  }

  /** Changes this node's share of the actors. Throws errors of the store. */
  reweigh(weight: number): Promise<void> {
    return this.#membership.reweigh(weight);
  }

  /** True if a running node takes actors with this name and place. */
  isTaken(name: string, place: Place | undefined): boolean {
    return this.#membership.table.isTaken(name, place, this.#options.monotonic());
  }

  /** Asks a node to hand over its actors. Throws `cluster.unknown_node`. */
  async requestDrain(id: string): Promise<void> {
    if (!(await this.#options.leases.drain(id))) throw unknownNode(id);
    await this.#membership.refresh(0);
    void this.announce();
  }

  /** Tells the other nodes of this one's leases; resolves when those that can be reached have read them. */
  async announce(): Promise<void> {
    await this.#options.wakeups.tell(this.#others, { kind: "leases", revision: this.revision });
  }

  /** Reads the leases again. Throws errors of the store. */
  refresh(): Promise<void> {
    return this.#membership.refresh(0);
  }

  /** Reads the leases again, because hints about them may have been lost. */
  async lookAgain(): Promise<void> {
    try {
      if (this.#membership.hasStarted) await this.#membership.refresh(0);
    } catch (error) {
      this.#options.ports.log.debug("the leases could not be read", { error });
    }
  }

  /** Tells the node that wakes an actor when it is due, if that is another one. */
  tellDue(name: string, key: ActorKey, at: number): void {
    if (!this.#membership.hasStarted) return;
    const { table, session } = this.#membership;
    const shard = addressHash(name, key) & (this.#options.leases.shards - 1);
    const holder = table.holder(table.scopeOf(name), shard);
    if (holder === undefined || isSameSession(holder, session)) return;
    void this.#options.wakeups.tell([holder], { kind: "due", at: Math.max(0, at) });
  }

  /** The other nodes whose sessions have not expired: only they have actors in memory. */
  get liveOthers(): readonly NodeRecord[] {
    const now = this.#options.monotonic();
    return this.#others.filter((node) => !this.#membership.table.hasExpired(node, now));
  }

  get #others(): readonly NodeRecord[] {
    if (!this.#membership.hasStarted) return [];
    const { table, session } = this.#membership;
    return table.nodes.filter((node) => !isSameSession(node, session));
  }

  /** Hands over all actors, within the time limit. */
  async drain(maxMs: number): Promise<void> {
    const { tasks } = this.#options.ports;
    this.#membership.beginDrain();
    await new Promise<void>((resolve, reject) => {
      const timer = tasks.after(maxMs, resolve);
      this.#vacatePinned()
        .then(() => this.#membership.drain())
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }

  /** Leaves, and tells the other nodes. Actors must be out of memory. */
  async stop(): Promise<void> {
    const [others, revision] = [this.#others, this.revision];
    await this.#membership.stop();
    const { tasks } = this.#options.ports;
    await new Promise<void>((resolve) => {
      const timer = tasks.after(tellTimeoutMs, resolve);
      // Leaving has raised the revision.
      void this.#options.wakeups.tell(others, { kind: "leases", revision: revision + 1 }).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #vacate(scope: Scope, shard: number): Promise<void> {
    const instances = this.#residents
      .in(shard)
      .filter((instance) => this.#placement.scopeOf(instance) === scope);
    await Promise.all(instances.map((instance) => instance.sleep()));
    const isOfScope = (address: ActorAddress): boolean => {
      const place = this.#placement.knownPlace(address.name, address.key);
      return this.#membership.table.scopeAt(address.name, place) === scope;
    };
    await this.#options.moveConnections(
      (address) => this.#residents.shardOf(address) === shard && isOfScope(address),
    );
  }

  /** Actors that are bound to this node go to where the leases say. Throws errors of the store. */
  async #vacatePinned(): Promise<void> {
    const pinned = this.#residents
      .all()
      .filter((instance) => this.#placement.scopeOf(instance) === undefined);
    await Promise.all(pinned.map((instance) => instance.sleep()));
    await this.#options.moveConnections(({ name, key }) => {
      const { node } = this.#placement.knownPlace(name, key) ?? {};
      return node !== undefined && isSameSession(node, this.#membership.session);
    });
  }

  /** Others may serve all actors of this node: nothing of them may be answered any more. */
  #lost(): void {
    for (const instance of this.#residents.all()) {
      this.#disowned.add(instance);
      instance.disown(ownerLost());
    }
    this.#options.release();
    this.#reads.lost();
  }

  #changed(table: LeaseTable, byThisNode: boolean): void {
    this.#options.retain(table.nodes);
    if (byThisNode) void this.announce();
  }
}

export function unknownNode(id: string): HoldfastError {
  const message = `No node with the id "${id}" is running`;
  return new HoldfastError("cluster", "unknown_node", message, { statusCode: 404, metadata: { node: id } });
}
