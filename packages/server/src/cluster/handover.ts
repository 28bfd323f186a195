import type { NodeSession } from "@holdfast/actors";
import type { Logger } from "@holdfast/core";
import type { Scope } from "./lease-table.ts";

export interface HandoverOptions {
  /** Puts the actors of a shard to sleep; resolves when none of them is in memory. */
  vacate(scope: Scope, shard: number): Promise<void>;
  /** Changes the holder in the store; resolves when this node has read the change. */
  transfer(to: NodeSession, scope: Scope, shards: readonly number[]): Promise<void>;
  readonly log: Logger;
  /** Called when shards have been handed over, or could not be. */
  changed(): void;
}

interface Batch {
  readonly to: NodeSession;
  readonly scope: Scope;
  readonly shards: number[];
}

/** Number of shards that are emptied concurrently: their actors are unreachable for that time. */
const maxConcurrentShards = 64;

/**
 * Hands over shards: each is emptied, then passed on, while the others still serve. Shards that become empty at the
 * same time share a transaction.
 */
export class Handover {
  readonly #options: HandoverOptions;
  readonly #queue: { readonly to: NodeSession; readonly scope: Scope; readonly shard: number }[] = [];
  /** Shards in `#queue` and in progress. */
  readonly #known = new Set<string>();
  readonly #inProgress = new Set<string>();
  readonly #empty = new Map<string, Batch>();
  #transferring: Promise<void> | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** True from the time at which the shard accepts no new work. */
  has(scope: Scope, shard: number): boolean {
    return this.#inProgress.size > 0 && this.#inProgress.has(keyOf(scope, shard));
  }

  begin(to: NodeSession, scope: Scope, shards: readonly number[]): void {
    for (const shard of shards) {
      const key = keyOf(scope, shard);
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      this.#queue.push({ to, scope, shard });
    }
    this.#next();
  }

  /** Resolves when nothing is being handed over. */
  idle(): Promise<void> {
    if (this.#known.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  #next(): void {
    while (this.#inProgress.size < maxConcurrentShards) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      const { to, scope, shard } = next;
      this.#inProgress.add(keyOf(scope, shard));
      this.#options.vacate(scope, shard).then(
        () => this.#vacated(to, scope, shard),
        (error: unknown) => this.#failed(scope, [shard], error),
      );
    }
  }

  #vacated(to: NodeSession, scope: Scope, shard: number): void {
    const key = `${to.id} ${to.incarnation} ${scope}`;
    const batch = this.#empty.get(key);
    if (batch === undefined) this.#empty.set(key, { to, scope, shards: [shard] });
    else batch.shards.push(shard);
    this.#transferring ??= this.#transferAll();
  }

  async #transferAll(): Promise<void> {
    // Shards without actors are all empty by the next microtasks.
    await Promise.resolve();
    for (;;) {
      const [entry] = this.#empty;
      if (entry === undefined) {
        // Before anything else runs: a shard that becomes empty next starts another round.
        this.#transferring = undefined;
        return;
      }
      const [key, { to, scope, shards }] = entry;
      this.#empty.delete(key);
      try {
        await this.#options.transfer(to, scope, shards);
        this.#ended(scope, shards);
      } catch (error) {
        this.#failed(scope, shards, error);
      }
    }
  }

  #failed(scope: Scope, shards: readonly number[], error: unknown): void {
    this.#options.log.warn("shards could not be handed over", { scope, shards: shards.length, error });
    this.#ended(scope, shards);
  }

  #ended(scope: Scope, shards: readonly number[]): void {
    for (const shard of shards) {
      this.#known.delete(keyOf(scope, shard));
      this.#inProgress.delete(keyOf(scope, shard));
    }
    this.#options.changed();
    this.#next();
    if (this.#known.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

function keyOf(scope: Scope, shard: number): string {
  return `${shard} ${scope}`;
}
