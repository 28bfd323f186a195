import type { SqlArguments, SqlInput, SqlParameters, SqlValue } from "../../database.ts";
import { invalidBinding } from "./errors.ts";

/** What SQLite is given for the arguments of `execute`: values by position, or one object of named ones. */
export function parametersOf(args: SqlArguments): SqlParameters {
  const first = args[0];
  if (args.length === 1 && isNamed(first)) {
    const named: Record<string, SqlInput> = {};
    for (const [name, value] of Object.entries(first)) named[name] = inputOf(value, `"${name}"`);
    return named;
  }
  return args.map((value, index) => inputOf(value, `parameter ${index + 1}`));
}

/** Callers in JavaScript hand in anything. */
function inputOf(value: unknown, place: string): SqlInput {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "object":
      if (value === null || value instanceof Uint8Array) return value;
      if (Array.isArray(value) && value.every(isByte)) return Uint8Array.from(value);
      throw invalidBinding(place);
    default:
      throw invalidBinding(place);
  }
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
}

function isNamed(value: unknown): value is Readonly<Record<string, SqlValue>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
