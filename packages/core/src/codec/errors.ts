import { HoldfastError } from "../errors.ts";

export function tooDeep(max: number): HoldfastError {
  return new HoldfastError(
    "message",
    "too_deep",
    `The value is nested deeper than ${max} levels, or is cyclic`,
  );
}

export function unsupported(what: string): HoldfastError {
  return new HoldfastError("message", "unsupported_value", `A value of this kind cannot be encoded: ${what}`);
}

export function unsupportedInstance(value: object): HoldfastError {
  const name: unknown = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  return unsupported(
    typeof name === "string" && name !== "" ? `an instance of ${name}` : "an instance of a class",
  );
}
