import type { ActorInstance } from "@holdfast/actors";
import { addressHash } from "./shards.ts";

/** The actors in memory by the hash of their address, so that a shard is emptied without a look at all of them. */
export class Residents {
  readonly #byShard = new Map<number, Set<ActorInstance>>();
  readonly #mask: number;

  constructor(shards: number) {
    this.#mask = shards - 1;
  }

  add(instance: ActorInstance): void {
    const shard = this.#shardOf(instance);
    const instances = this.#byShard.get(shard);
    if (instances === undefined) this.#byShard.set(shard, new Set([instance]));
    else instances.add(instance);
  }

  remove(instance: ActorInstance): void {
    const shard = this.#shardOf(instance);
    const instances = this.#byShard.get(shard);
    instances?.delete(instance);
    if (instances?.size === 0) this.#byShard.delete(shard);
  }

  in(shard: number): readonly ActorInstance[] {
    return [...(this.#byShard.get(shard) ?? [])];
  }

  all(): readonly ActorInstance[] {
    return [...this.#byShard.values()].flatMap((instances) => [...instances]);
  }

  #shardOf({ name, key }: ActorInstance): number {
    return addressHash(name, key) & this.#mask;
  }
}
