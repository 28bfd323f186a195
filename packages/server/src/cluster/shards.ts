/** Several nodes over one store: who serves an actor, and the way there. */
import { hash } from "node:crypto";
import { type ActorStore, type DueFilter, newActorId } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, encodeKey, type Ports, splitName, uuidv7 } from "@holdfast/core";

/** Cache of hashes by target: a gateway passes the same target object for the same path. */
const hashes = new WeakMap<ActorTarget, number>();

/**
 * Hash of an actor's address: 16 bits. Its low bits are the shard. The first two bytes of the SHA-256 that stores
 * find actors by, so that a query can select shards.
 */
export function addressHash(name: string, key: ActorKey): number {
  return hash("sha256", `${name}\0${encodeKey(key)}`, "buffer").readUInt16BE(0);
}

/** A filter of the actors that a node wakes. */
export function createDueFilter(selected: Omit<DueFilter, "selects">): DueFilter {
  const { shardCount, shards, names } = selected;
  const namespaces = new Set(selected.namespaces);
  let sets: { readonly general: Set<number>; readonly apart: Map<string, Set<number>> } | undefined;
  return {
    ...selected,
    selects: ({ name, key }) => {
      sets ??= {
        general: new Set(shards),
        apart: new Map([...names].map(([each, own]) => [each, new Set(own)])),
      };
      const split = splitName(name);
      const bare = split !== undefined && namespaces.has(split.namespace) ? split.name : name;
      return (sets.apart.get(bare) ?? sets.general).has(addressHash(name, key) & (shardCount - 1));
    },
  };
}

export function targetHash(target: Exclude<ActorTarget, { type: "id" }>): number {
  let known = hashes.get(target);
  if (known === undefined) {
    known = addressHash(target.name, target.key);
    hashes.set(target, known);
  }
  return known;
}

/** The id of a new actor: in a store that several nodes share, it says where the actor is. */
export function createActorId(
  { cluster }: Pick<ActorStore, "cluster">,
  name: string,
  key: ActorKey,
  { clock, random }: Pick<Ports, "clock" | "random">,
): string {
  return cluster === undefined ? uuidv7(clock, random) : newActorId(addressHash(name, key), clock, random);
}
