/** Actor definitions at run time: validated once, types erased, defaults filled in. */
import { HoldfastError } from "@holdfast/core";

/** A hook or action without its types; the runtime passes a context and the arguments. */
export type AnyFunction = (...args: unknown[]) => unknown;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

export function invalidDefinition(why: string): HoldfastError {
  return new HoldfastError("actor", "invalid_definition", `The actor definition is invalid: ${why}`);
}
