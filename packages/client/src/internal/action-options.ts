import { HoldfastError } from "@holdfast/core";
import type { ActionOptions } from "../types.ts";

export type NormalizedActionOptions = ActionOptions & { readonly args: readonly unknown[] };

/**
 * Normalizes the argument of `action`: converts name and key to strings, and wraps a single argument in a list. The
 * server would close the connection over a malformed message, so it is rejected here. Null counts as undefined. Throws
 * `client.invalid_action`.
 */
export function normalizeActionOptions(options: ActionOptions): NormalizedActionOptions {
  const input: unknown = options;
  if (typeof input !== "object" || input === null || !("name" in input)) {
    const message = `action() takes { name, args }, not ${typeof input}`;
    throw new HoldfastError("client", "invalid_action", message);
  }
  const { name, args, signal, idempotencyKey, ...rest } = options;
  return {
    ...rest,
    name: String(name),
    args: toArgumentList(args),
    ...(signal == null ? {} : { signal }),
    ...(idempotencyKey == null ? {} : { idempotencyKey: String(idempotencyKey) }),
  };
}

function toArgumentList(args: unknown): readonly unknown[] {
  if (args === undefined || args === null) return [];
  return Array.isArray(args) ? args : [args];
}
