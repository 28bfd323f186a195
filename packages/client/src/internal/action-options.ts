import { HoldfastError } from "@holdfast/core";
import type { ActionOptions } from "../types.ts";

export type ReadActionOptions = ActionOptions & { readonly args: readonly unknown[] };

/**
 * What `action` of a handle or connection was given, as it is sent. Name and key are made text, and one argument that
 * is no list is a list of it: what would end the whole connection as a malformed message is seen here. Null stands
 * for what is not given. Throws `client.invalid_action`.
 */
export function readActionOptions(options: ActionOptions): ReadActionOptions {
  const given: unknown = options;
  if (typeof given !== "object" || given === null || !("name" in given)) {
    const message = `An action is called by { name, args }, or by its own method; this is ${typeof given}`;
    throw new HoldfastError("client", "invalid_action", message);
  }
  const { name, args, signal, idempotencyKey, ...rest } = options;
  return {
    ...rest,
    name: String(name),
    args: listOf(args),
    ...(signal == null ? {} : { signal }),
    ...(idempotencyKey == null ? {} : { idempotencyKey: String(idempotencyKey) }),
  };
}

function listOf(args: unknown): readonly unknown[] {
  if (args === undefined || args === null) return [];
  return Array.isArray(args) ? args : [args];
}
