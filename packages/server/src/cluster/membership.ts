import type { ClusterStore, DueFilter, NodeDescription, NodeRecord, NodeSession } from "@holdfast/actors";
import { type Ports, uuidv4 } from "@holdfast/core";
import type { ClusterMetrics } from "../observe/cluster-metrics.ts";
import { Handover } from "./handover.ts";
import { isSameSession, LeaseTable, type Scope } from "./lease-table.ts";
import { HolderChoice } from "./rendezvous.ts";
import { SessionRenewal } from "./session/session-renewal.ts";
import { type LeaseTiming, SessionValidity } from "./session/session-validity.ts";
import { createDueFilter } from "./shards.ts";

/** Selects nothing. */
export const noActors = createDueFilter({
  ...{ shardCount: 1, shards: [], namespaces: [], names: new Map() },
});

export interface MembershipOptions {
  readonly store: ClusterStore;
  readonly ports: Pick<Ports, "tasks" | "random" | "log">;
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
  /**
   * Puts the actors of a shard to sleep and passes on their connections; resolves when none of them is in memory.
   * Throws errors of the store: then the shard stays here, until the next attempt.
   */
  vacate(scope: Scope, shard: number): Promise<void>;
  /**
   * Called when the session could not be renewed in time, or has ended: other nodes may serve all actors of this one
   * by now.
   */
  lost(): void;
  /** Called with each new reading of the store. `byThisNode` if this node has changed something. */
  changed(table: LeaseTable, byThisNode: boolean): void;
  /** Called when this node may serve more actors than before. */
  gained(): void;
  /** Called when another node has asked this one to hand over its actors. */
  askedToDrain(): void;
  /** Called with each reading of the store's clock, and the monotonic time at which it was asked for. */
  timed(storeNow: number, sentAt: number): void;
}

/**
 * This node's part in the cluster: renews its session, claims free shards that it should hold, and hands over those
 * that another node should hold. It decides on the clocks of its machine how long it may serve, whatever the
 * store says later.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #serves: ReadonlySet<string>;
  readonly #choice: HolderChoice;
  #session: NodeSession;
  #weight: number;
  #table: LeaseTable | undefined;
  /** The filter of a reading, which is made once. */
  #filtered: { readonly table: LeaseTable; readonly filter: DueFilter | undefined } | undefined;
  readonly #validity: SessionValidity;
  readonly #renewal: SessionRenewal;
  #isDraining = false;
  #state: "new" | "running" | "refusing" | "stopped" = "new";
  readonly #handover: Handover;
  #reading: Promise<void> | undefined;
  /** Begins when the current reading has ended, and is shared by all who ask in the meantime. */
  #nextReading: Promise<void> | undefined;
  /** True if the next reading is to be announced to other nodes. */
  #announces = false;
  #balancing: Promise<void> | undefined;
  #balanceAgain = false;
  /** True if shards could not be claimed or handed over: the next renewal tries again. */
  #hasFailed = false;
  readonly #waiters = new Set<() => void>();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#serves = new Set(options.node.serves);
    this.#choice = new HolderChoice(options.store.shards);
    this.#session = this.#newSession();
    this.#weight = options.node.weight;
    this.#validity = new SessionValidity({
      ...{
        tasks: options.ports.tasks,
        monotonic: options.monotonic,
        wall: options.wall,
        timing: options.timing,
      },
      expired: () => this.#expired(),
    });
    this.#renewal = new SessionRenewal({
      ...{ ports: options.ports, timing: options.timing, metrics: options.metrics },
      renew: () => this.#renewOnce(),
    });
    this.#handover = new Handover({
      vacate: (scope, shard) => this.#repeatable(options.vacate(scope, shard)),
      transfer: (to, scope, shards) => this.#repeatable(this.#transfer(to, scope, shards)),
      read: () => this.#repeatable(this.#read(true)),
      log: options.ports.log,
      passedOn: () => this.#wakeWaiters(),
      kept: () => this.#regained(),
    });
  }

  get session(): NodeSession {
    return this.#session;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** True once the store has been read. */
  get hasStarted(): boolean {
    return this.#table !== undefined;
  }

  /** The last reading of the store. */
  get table(): LeaseTable {
    if (this.#table === undefined) throw new Error("The membership has not started");
    return this.#table;
  }

  /** True if this node serves actors with this name. */
  serves(name: string): boolean {
    return this.#serves.has(this.#options.bareName(name));
  }

  /** True while the session is valid: the store is reachable and nobody else can hold a lease of this node. */
  get isValid(): boolean {
    return this.#state === "running" && this.#validity.remainingMs > 0;
  }

  /** Remaining time in which the session may be used, in milliseconds; negative without one. */
  get remainingMs(): number {
    return this.#state === "running" ? this.#validity.remainingMs : -1;
  }

  /** True while this node may answer for the actors of the shard. */
  holds(scope: Scope, shard: number): boolean {
    const holder = this.#table?.holder(scope, shard);
    return holder !== undefined && isSameSession(holder, this.#session) && this.isValid;
  }

  /** True if this node also accepts new work for the shard: it is not handing it over. */
  takes(scope: Scope, shard: number): boolean {
    return this.holds(scope, shard) && !this.#handover.has(scope, shard);
  }

  /** Number of shards of this node that others should hold. */
  get leaving(): number {
    return this.#moves().reduce((sum, { shards }) => sum + shards.length, 0);
  }

  /** Selects the actors that this node serves now; undefined if these are all. */
  get dueFilter(): DueFilter | undefined {
    const { table, session } = this;
    if (!this.isValid) return noActors;
    // The session changes with the table: a node that joins again reads the store.
    if (this.#filtered?.table !== table)
      this.#filtered = { table, filter: table.dueFilter(session, this.#options.namespaces) };
    return this.#filtered.filter;
  }

  /** Joins, and takes its first shards. Throws `cluster.node_exists`, and what the store throws. */
  async start(): Promise<void> {
    await this.#join();
    this.#state = "running";
    try {
      await this.#read(true);
      await this.#renewal.run();
      await this.#balance();
    } catch (error) {
      // Requests of others must not wait for a node that does not run.
      await this.stop();
      throw error;
    }
  }

  /** Resolves at the next change of leases, or after `timeoutMs`. */
  changeWithin(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#waiters.delete(done);
        resolve();
      };
      const timer = this.#options.ports.tasks.after(timeoutMs, done);
      this.#waiters.add(done);
      if (this.#validity.isDoubtful) this.#renewal.hurry();
    });
  }

  /** Reads the store again if another node has seen a newer revision. */
  async catchUp(revision: number): Promise<void> {
    if (this.#state === "running" && this.#table !== undefined && this.#table.revision < revision) {
      await this.#read(false);
    }
  }

  /** Reads the store again if the last reading is older than this. */
  async refresh(maxAgeMs: number): Promise<void> {
    if (this.#state !== "running" || this.#options.monotonic() - this.table.readAt <= maxAgeMs) return;
    await this.#read(false);
  }

  /** Changes this node's share; resolves when it has claimed what is free of it. Throws errors of the store. */
  async reweigh(weight: number): Promise<void> {
    if (this.#weight === weight) return;
    this.#weight = weight;
    await this.#options.store.reweigh(this.#session, weight);
    await this.#read(true);
    await this.#balance();
  }

  /** Adds a scope, unless there is one; the nodes that may serve it take its shards. */
  async openScope(scope: Scope): Promise<void> {
    if (this.table.scopes.includes(scope)) return;
    await this.#options.store.openScope(scope);
    await this.#read(true);
  }

  /** Takes on no more actors. {@link drain} follows. */
  beginDrain(): void {
    this.#isDraining = true;
  }

  /** Takes no more shards, and hands over those that it has; resolves when none is left that another node takes. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#state !== "running" || this.#table === undefined) return;
    await this.#renewal.run();
    while (this.#state === "running") {
      await this.#balance();
      await this.#handover.idle();
      if (!this.#hasMoves()) return;
      // Some could not be handed over.
      await this.changeWithin(this.#options.timing.ttlMs / 20);
    }
  }

  /** Ends the session. Actors must have left memory before. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    const wasMember = this.#state !== "new";
    this.#state = "stopped";
    this.#renewal.stop();
    this.#validity.stop();
    this.#wakeWaiters();
    await this.#balancing;
    if (!wasMember) return;
    try {
      await this.#options.store.leave(this.#session);
    } catch (error) {
      this.#options.ports.log.warn("the node could not leave the cluster; its session will expire", {
        error,
      });
    }
  }

  // Session

  #newSession(): NodeSession {
    return { id: this.#options.node.id, incarnation: uuidv4(this.#options.ports.random) };
  }

  async #join(): Promise<void> {
    const { store, node, timing } = this.#options;
    const sent = this.#validity.moment();
    const session = { ...this.#session, weight: this.#weight, draining: this.#isDraining };
    await store.join({ ...node, ...session }, timing.ttlMs);
    this.#validity.extend(sent);
  }

  /** Returns the time in milliseconds after which a session of another node may have expired. */
  async #renewOnce(): Promise<number> {
    const { store, timing, monotonic, metrics } = this.#options;
    const session = this.#session;
    const sent = this.#validity.moment();
    const renewal = await store.renew(session, this.#isDraining, timing.ttlMs);
    metrics.renewalDuration.observe(monotonic() - sent.monotonic);
    if (renewal !== undefined) this.#options.timed(renewal.now, sent.monotonic);
    if (this.#state !== "running" || session !== this.#session) return timing.renewMs;
    if (renewal === undefined) {
      await this.#rejoin();
      return timing.renewMs;
    }
    const wasValid = this.isValid;
    this.#validity.extend(sent);
    if (!wasValid) this.#regained();
    if (renewal.draining) this.#askedToDrain();
    const { nextExpiryMs = Number.POSITIVE_INFINITY } = renewal;
    const hasChanged = this.#table?.revision !== renewal.revision || this.#table.mark !== renewal.mark;
    if (hasChanged || nextExpiryMs <= 0 || this.#hasFailed) {
      this.#hasFailed = false;
      await this.#read(false);
    } else if (Number.isFinite(nextExpiryMs)) {
      this.#table?.confirmUntil(sent.monotonic + nextExpiryMs);
    }
    // A session that expired but has no shards that this node should take is no reason to hurry.
    return nextExpiryMs <= 0 ? timing.renewMs : nextExpiryMs + 1;
  }

  /** Somebody else wants this node to hand over its actors. */
  #askedToDrain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#options.ports.log.info("the node was asked to hand over its actors");
    this.#options.askedToDrain();
  }

  /** The store cannot be reached, or this process was stopped for a while. */
  #expired(): void {
    // Before the first reading of the leases nothing is served.
    if (this.#state !== "running") return;
    this.#options.ports.log.warn(
      "the session was not renewed in time: the node serves no actors until it is",
    );
    this.#options.lost();
  }

  /** The session has ended: whatever this node had in memory may be served by others. */
  async #rejoin(): Promise<void> {
    this.#validity.end();
    this.#options.metrics.sessionsLost++;
    this.#options.ports.log.warn("the session of the node has expired; it joins again");
    this.#options.lost();
    this.#session = this.#newSession();
    await this.#join();
    await this.#read(true);
  }

  // Leases

  /** Reads the store; concurrent calls share a reading that began after the first of them. */
  #read(byThisNode: boolean): Promise<void> {
    this.#announces ||= byThisNode;
    const reading = this.#reading;
    if (reading === undefined) return this.#startReading();
    // One that has begun may not see what the caller wants to see.
    this.#nextReading ??= reading.then(
      () => this.#startReading(),
      () => this.#startReading(),
    );
    return this.#nextReading;
  }

  #startReading(): Promise<void> {
    this.#nextReading = undefined;
    const byThisNode = this.#announces;
    this.#announces = false;
    const reading = this.#readNow(byThisNode).finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  async #readNow(byThisNode: boolean): Promise<void> {
    const { store, monotonic, ports, changed, timed } = this.#options;
    const readAt = monotonic();
    const previous = this.#table;
    const view = await store.view(previous?.revision);
    timed(view.now, readAt);
    const table = new LeaseTable(view, store.shards, readAt, this.#options.bareName);
    if (previous?.isMissingIn(view) === true) {
      this.#state = "refusing";
      this.#renewal.stop();
      // A database that was restored, or a standby that was promoted without its last commits.
      ports.log.error("the database has lost changes of the cluster; this node serves no more actors", {
        seen: previous.revision,
        found: table.revision,
      });
      this.#options.lost();
    }
    const gained = this.#countGained(previous, table);
    this.#options.metrics.shardsMoved.in += gained;
    this.#table = table;
    this.#choice.keep(table.scopes);
    if (table.nodes.some((node) => node.draining && isSameSession(node, this.#session))) this.#askedToDrain();
    changed(table, byThisNode);
    if (gained > 0 || previous?.hasSameNodes(table) !== true) this.#regained();
    else this.#wakeWaiters();
    void this.#balance();
  }

  /** Shards that this node holds now and did not hold in the previous reading. */
  #countGained(previous: LeaseTable | undefined, table: LeaseTable): number {
    const isNew = (scope: Scope, shard: number): boolean => {
      const before = previous?.holder(scope, shard);
      return before === undefined || !isSameSession(before, this.#session);
    };
    return table.scopes.reduce((sum, scope) => {
      return sum + table.heldBy(this.#session, scope).filter((shard) => isNew(scope, shard)).length;
    }, 0);
  }

  /** Claims free shards, and begins to hand over shards, until all are where they should be. */
  #balance(): Promise<void> {
    this.#balanceAgain = true;
    this.#balancing ??= this.#balancePasses().finally(() => {
      this.#balancing = undefined;
    });
    return this.#balancing;
  }

  async #balancePasses(): Promise<void> {
    while (this.#balanceAgain && this.#state === "running") {
      this.#balanceAgain = false;
      try {
        if (await this.#claimFree()) await this.#read(true);
        for (const { to, scope, shards } of this.#moves()) this.#handover.begin(to, scope, shards);
      } catch (error) {
        this.#hasFailed = true;
        this.#options.ports.log.debug("shards could not be claimed", { error });
      }
    }
  }

  /** Claims what nobody holds and this node should; true if there was something to claim. */
  async #claimFree(): Promise<boolean> {
    const { store, monotonic } = this.#options;
    const table = this.table;
    const now = monotonic();
    let hasClaimed = false;
    for (const scope of table.scopes) {
      const free = this.#wanted(table, scope).flatMap((wanted, shard) => {
        if (wanted === undefined || !isSameSession(wanted, this.#session)) return [];
        const holder = table.holder(scope, shard);
        return holder === undefined || table.hasExpired(holder, now) ? [shard] : [];
      });
      if (free.length === 0) continue;
      await store.claim(this.#session, scope, free);
      hasClaimed = true;
    }
    return hasClaimed;
  }

  #hasMoves(): boolean {
    return this.#moves().length > 0;
  }

  /** Shards of this node that others should hold, by their next holder. */
  #moves(): readonly { readonly to: NodeRecord; readonly scope: Scope; readonly shards: number[] }[] {
    const table = this.table;
    return table.scopes.flatMap((scope) => {
      const wanted = this.#wanted(table, scope);
      const moves = new Map<NodeRecord, number[]>();
      for (const shard of table.heldBy(this.#session, scope)) {
        const to = wanted[shard];
        if (to === undefined || isSameSession(to, this.#session)) continue;
        const shards = moves.get(to);
        if (shards === undefined) moves.set(to, [shard]);
        else shards.push(shard);
      }
      return [...moves].map(([to, shards]) => ({ to, scope, shards }));
    });
  }

  /** The nodes that should hold the shards of a scope. */
  #wanted(table: LeaseTable, scope: Scope): readonly (NodeRecord | undefined)[] {
    const now = this.#options.monotonic();
    // Its own session is as valid as the last renewal, not as the last reading.
    const lives = (node: NodeRecord): boolean =>
      isSameSession(node, this.#session) || !table.hasExpired(node, now);
    const isDraining = (node: NodeRecord): boolean =>
      isSameSession(node, this.#session) ? this.#isDraining : node.draining;
    const candidates = table.nodes.filter(
      (node) => table.serves(node, scope) && lives(node) && !isDraining(node),
    );
    return this.#choice.of(table.latest(candidates, scope), scope);
  }

  async #transfer(to: NodeSession, scope: Scope, shards: readonly number[]): Promise<void> {
    await this.#options.store.transfer(this.#session, to, scope, shards);
    this.#options.metrics.shardsMoved.out += shards.length;
  }

  /** Has the next renewal try again what fails. */
  async #repeatable(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  /** This node may serve more actors than before. */
  #regained(): void {
    if (this.#state === "running") this.#options.gained();
    this.#wakeWaiters();
  }

  #wakeWaiters(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
