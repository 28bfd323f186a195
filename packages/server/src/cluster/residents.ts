import type { ActorInstance } from "@holdfast/actors";
import { addressHash } from "./shards.ts";

/** An instance, or what names its actor. */
export type ActorAddress = Pick<ActorInstance, "name" | "key">;

/** The actors in memory by the hash of their address, so that a shard is emptied without a look at all of them. */
export class Residents {
  readonly #byShard = new Map<number, Set<ActorInstance>>();
  /** By instance or address: computing it costs a hash, and each answer needs it. */
  readonly #shards = new WeakMap<ActorAddress, number>();
  readonly #mask: number;

  constructor(shards: number) {
    this.#mask = shards - 1;
  }

  add(instance: ActorInstance): void {
    const shard = this.shardOf(instance);
    const instances = this.#byShard.get(shard);
    if (instances === undefined) this.#byShard.set(shard, new Set([instance]));
    else instances.add(instance);
  }

  remove(instance: ActorInstance): void {
    const shard = this.shardOf(instance);
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

  /** The shard is remembered for this object. */
  shardOf(address: ActorAddress): number {
    let shard = this.#shards.get(address);
    if (shard === undefined) {
      shard = addressHash(address.name, address.key) & this.#mask;
      this.#shards.set(address, shard);
    }
    return shard;
  }
}
