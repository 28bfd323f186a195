import type { ActorTarget } from "@holdfast/client";
import { type ActorKey, encodeKey, HoldfastError, isErrorCode } from "@holdfast/core";

/** Cache of addresses by target: a gateway passes the same target object for the same path. */
const addresses = new WeakMap<ActorTarget, string>();

export function addressOfTarget(target: Exclude<ActorTarget, { type: "id" }>): string {
  let address = addresses.get(target);
  if (address === undefined) {
    address = addressOf(target.name, target.key);
    addresses.set(target, address);
  }
  return address;
}

/** Injective, because the text of a key has no slash. */
export function addressOf(name: string, key: ActorKey): string {
  return `${name}/${encodeKey(key)}`;
}

/** The name in an address. */
export function nameOf(address: string): string {
  return address.slice(0, address.lastIndexOf("/"));
}

export function notFound(target: ActorTarget): HoldfastError {
  const { name } = target;
  return new HoldfastError("actor", "not_found", "The actor does not exist", {
    metadata: target.type === "id" ? { name, id: target.id } : { name, key: target.key },
  });
}

export function duplicateKey(name: string): HoldfastError {
  return new HoldfastError("actor", "duplicate_key", "An actor with this key exists", { metadata: { name } });
}

/** For a creation whose first commit found an actor that was created in the meantime. */
export function rethrowAsDuplicate(name: string): (error: unknown) => never {
  return (error) => {
    throw isErrorCode(error, "actor", "fenced") ? duplicateKey(name) : error;
  };
}
