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
