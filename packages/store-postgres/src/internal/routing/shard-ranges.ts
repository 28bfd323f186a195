/** Several databases of one store: which has which shards, what each has is merged, and what happens without one. */

/** First shard of each database in order of position, and the number of shards in total: a power of two. */
export class ShardRanges {
  readonly #firsts: readonly number[];
  readonly #mask: number;

  constructor(firsts: readonly number[], shards: number) {
    this.#firsts = firsts;
    this.#mask = shards - 1;
  }

  /** Position of the database that has the actors with this hash of their address. */
  ofHash(addressHash: number): number {
    return this.ofShard(addressHash & this.#mask);
  }

  ofShard(shard: number): number {
    let position = 0;
    for (const [at, first] of this.#firsts.entries()) if (first <= shard) position = at;
    return position;
  }
}

/** Equal ranges: the first shard of each of `count` databases. */
export function equalRanges(count: number, shards: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => Math.floor((at * shards) / count));
}
