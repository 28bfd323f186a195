import type { NodeSession } from "@holdfast/actors";
import type { Logger } from "@holdfast/core";
import type { Scope } from "./lease-table.ts";

export interface HandoverOptions {
  /** Puts the actors of a shard to sleep; resolves when none of them is in memory. */
  vacate(scope: Scope, shard: number): Promise<void>;
  /** Changes the holder in the store. */
  transfer(to: NodeSession, scope: Scope, shards: readonly number[]): Promise<void>;
  /** Resolves when this node has read what it has transferred. */
  read(): Promise<void>;
  readonly log: Logger;
  /** Called when shards have been handed over. */
  passedOn(): void;
  /** Called when shards could not be handed over: this node serves them again. */
  kept(): void;
}

interface Batch {
  readonly to: NodeSession;
  readonly scope: Scope;
  readonly shards: number[];
}

/** Number of shards whose actors are put to sleep concurrently: they are unreachable for that time. */
const maxEmptying = 64;

/** Number of shards that accept no new work at a time: most have no actor in memory, and wait for a transaction only. */
const maxInProgress = 2_048;

/**
 * Hands over shards: each is emptied, then passed on, while the others still serve. Shards of a scope that become empty
 * while others are transferred share a transaction, and all scopes share a reading of the store, which all nodes repeat.
 */
export class Handover {
  readonly #options: HandoverOptions;
  readonly #queue: { readonly to: NodeSession; readonly scope: Scope; readonly shard: number }[] = [];
  /** Shards in `#queue` and in progress. */
  readonly #known = new Set<string>();
  readonly #inProgress = new Set<string>();
  #emptying = 0;
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
    while (this.#emptying < maxEmptying && this.#inProgress.size < maxInProgress) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      const { to, scope, shard } = next;
      this.#inProgress.add(keyOf(scope, shard));
      this.#emptying += 1;
      this.#options.vacate(scope, shard).then(
        () => {
          this.#emptying -= 1;
          this.#vacated(to, scope, shard);
        },
        (error: unknown) => {
          this.#emptying -= 1;
          this.#failed(scope, [shard], error);
        },
      );
    }
  }

  #vacated(to: NodeSession, scope: Scope, shard: number): void {
    const key = `${to.id} ${to.incarnation} ${scope}`;
    const batch = this.#empty.get(key);
    if (batch === undefined) this.#empty.set(key, { to, scope, shards: [shard] });
    else batch.shards.push(shard);
    this.#transferring ??= this.#transferAll();
    this.#next();
  }

  async #transferAll(): Promise<void> {
    // Shards without actors are all empty by the next microtasks.
    await Promise.resolve();
    while (this.#empty.size > 0) {
      const batches = [...this.#empty.values()];
      this.#empty.clear();
      await this.#transferEach(batches);
    }
    // Before anything else runs: a shard that becomes empty next starts another round.
    this.#transferring = undefined;
  }

  async #transferEach(batches: readonly Batch[]): Promise<void> {
    const passedOn: Batch[] = [];
    const transfer = async (batch: Batch): Promise<void> => {
      const { to, scope, shards } = batch;
      try {
        await this.#options.transfer(to, scope, shards);
        passedOn.push(batch);
      } catch (error) {
        this.#failed(scope, shards, error);
      }
    };
    await Promise.all(batches.map(transfer));
    if (passedOn.length === 0) return;
    try {
      await this.#options.read();
      for (const { scope, shards } of passedOn) this.#ended(scope, shards, () => this.#options.passedOn());
    } catch (error) {
      for (const { scope, shards } of passedOn) this.#failed(scope, shards, error);
    }
  }

  #failed(scope: Scope, shards: readonly number[], error: unknown): void {
    this.#options.log.warn("shards could not be handed over", { scope, shards: shards.length, error });
    this.#ended(scope, shards, () => this.#options.kept());
  }

  #ended(scope: Scope, shards: readonly number[], tell: () => void): void {
    for (const shard of shards) {
      this.#known.delete(keyOf(scope, shard));
      this.#inProgress.delete(keyOf(scope, shard));
    }
    tell();
    this.#next();
    if (this.#known.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

function keyOf(scope: Scope, shard: number): string {
  return `${shard} ${scope}`;
}
