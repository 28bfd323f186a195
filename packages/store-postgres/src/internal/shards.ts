import { createHash } from "node:crypto";
import { type ActorKey, encodeKey, HoldfastError } from "@holdfast/core";

/**
 * Shard of an actor, derived from its id (FNV-1a, 32 bits). `count` is a power of two, and never changes for a
 * database.
 */
export function shardOf(actorId: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < actorId.length; at += 1) {
    hash = Math.imul(hash ^ actorId.charCodeAt(at), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) & (count - 1);
}

export function checkShards(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= 65_536 && (count & (count - 1)) === 0) return count;
  throw new HoldfastError(
    "store",
    "invalid_options",
    `The number of shards must be a power of two up to 65,536, not ${count}`,
  );
}

/**
 * SQL for the shard by which nodes lease the actor of a row: `addressHash` of `@holdfast/server`, from its stored key.
 * Nodes know it from a name and a key, and {@link shardOf} from an id.
 */
export function leaseShard(count: number): string {
  return `((get_byte(key_hash, 0) << 8) | get_byte(key_hash, 1)) & ${count - 1}`;
}

/** Hash for the unique index of existing actors: a key may exceed the limit of an index entry. */
export function keyHash(name: string, key: ActorKey): Buffer {
  return createHash("sha256")
    .update(`${name}\0${encodeKey(key)}`)
    .digest();
}
