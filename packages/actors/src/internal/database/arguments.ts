import type { SqlInput, SqlParameters } from "../../database.ts";
import { invalidBinding, missingBinding } from "./errors.ts";

/** Text, quoted names and comments, which may hold what looks like a parameter; and named parameters. */
const tokens = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|([:@$][\w\u0080-\uffff]+)/g;

/** Beyond these, a whole number is no integer of SQLite. */
const integerBound = 2 ** 63;

/**
 * What SQLite is given for the arguments of `execute`: values by position, or one object with those of
 * the parameters that `sql` names. Where it names none, the object's values go by position.
 */
export function parametersOf(args: readonly unknown[], sql: string): SqlParameters {
  const first = args[0];
  if (args.length === 1 && isNamed(first)) return namedParameters(first, sql);
  return args.map((value, index) => inputOf(value, `parameter ${index + 1}`));
}

function namedParameters(given: Readonly<Record<string, unknown>>, sql: string): SqlParameters {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(tokens)) if (name !== undefined) names.add(name);
  if (names.size === 0) {
    return Object.entries(given).map(([name, value]) => inputOf(value, `"${name}"`));
  }
  const named: Record<string, SqlInput> = {};
  for (const name of names) {
    const key = [name, name.slice(1), ...[":", "@", "$"].map((sigil) => sigil + name.slice(1))].find(
      (candidate) => Object.hasOwn(given, candidate),
    );
    const value = key === undefined ? undefined : given[key];
    if (value === undefined) throw missingBinding(name);
    named[name] = inputOf(value, `"${name}"`);
  }
  return named;
}

/** Callers in JavaScript hand in anything. */
function inputOf(value: unknown, place: string): SqlInput {
  switch (typeof value) {
    case "string":
    case "bigint":
      return value;
    case "number":
      // SQLite for Node takes every number for a real, which shows in text, in divisions and in JSON.
      return Number.isInteger(value) && Math.abs(value) < integerBound ? BigInt(value) : value;
    case "boolean":
      return value ? 1n : 0n;
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

function isNamed(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
