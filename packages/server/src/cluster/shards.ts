/** Several nodes over one store: who serves an actor, and the way there. */
import { hash } from "node:crypto";
import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, type Clock, encodeKey, type Random, uuidv7 } from "@holdfast/core";

/** Cache of hashes by target: a gateway passes the same target object for the same path. */
const hashes = new WeakMap<ActorTarget, number>();

/**
 * Hash of an actor's address: 16 bits. Its low bits are the shard. The first two bytes of the SHA-256 that stores
 * find actors by, so that a query can select shards.
 */
export function addressHash(name: string, key: ActorKey): number {
  return hash("sha256", `${name}\0${encodeKey(key)}`, "buffer").readUInt16BE(0);
}

export function targetHash(target: Exclude<ActorTarget, { type: "id" }>): number {
  let known = hashes.get(target);
  if (known === undefined) {
    known = addressHash(target.name, target.key);
    hashes.set(target, known);
  }
  return known;
}

/**
 * An id that carries the hash of its actor's address: a UUID of version 8 (RFC 9562). It starts with the time, as
 * version 7 does, and ends with the hash.
 */
export function newActorId(addressHash16: number, clock: Clock, random: Random): string {
  const id = uuidv7(clock, random);
  return `${id.slice(0, 14)}8${id.slice(15, -4)}${addressHash16.toString(16).padStart(4, "0")}`;
}

/** The hash that an id carries; undefined for ids of earlier releases and of stores with a single node. */
export function hashOfId(id: string): number | undefined {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)
    ? Number.parseInt(id.slice(-4), 16)
    : undefined;
}
