import type { ActorRecord } from "./records.ts";

/** Selects the actors in some of the shards into which nodes divide actors by the hash of their name and key. */
export interface DueFilter {
  /** Number of shards in total: a power of two. */
  readonly shardCount: number;
  /** Prefixes of stored names, before a colon, that `names` leaves out. */
  readonly namespaces: readonly string[];
  /** Shards of the actors to select, for names that are not in `names`. */
  readonly shards: readonly number[];
  /** Names with leases of their own, each with the shards of the actors to select; these may be none. */
  readonly names: ReadonlyMap<string, readonly number[]>;
  /** The same as a predicate, for stores that have no index by shard. */
  selects(actor: Pick<ActorRecord, "name" | "key">): boolean;
}
