import { createHash } from "node:crypto";
import { type ActorKey, encodeKey } from "@holdfast/core";
import { invalidOptions } from "./errors.ts";

/** What all keys begin with if nothing is chosen. */
const defaultPrefix = "holdfast";

/**
 * The beginning of all keys of a store, in braces: a Redis Cluster puts what has the same text in braces into one slot,
 * so that one script may use all of it. Throws `store.invalid_options`.
 */
export function keyPrefix(name = defaultPrefix): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(name)) return `{${name}}:`;
  throw invalidOptions(
    `The prefix of the store's keys has 1 to 64 letters, digits, ".", "-" or "_", unlike "${name.slice(0, 80)}"`,
  );
}

/** Hash by which an existing actor is found. Its first two bytes are the hash by which nodes lease it. */
export function addressHash(name: string, key: ActorKey): Buffer {
  return createHash("sha256")
    .update(`${name}\0${encodeKey(key)}`)
    .digest();
}
