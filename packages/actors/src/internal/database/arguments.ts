import type { SqlInput, SqlParameters } from "../../database/database.ts";
import { invalidBinding, missingBinding } from "./errors.ts";

/** Text, quoted names and comments, which may hold what looks like a parameter; and parameters. */
const tokens = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|(\?|[:@$][\w\u0080-\uffff]+)/g;

/** Beyond these, a whole number is no integer of SQLite. */
const integerBound = 2 ** 63;

/**
 * What SQLite is given for the arguments of `execute`: values by position, or one object with those of
 * the parameters that `sql` names. Where it names none, the object's values go by position; where it names
 * all, values by position go to the names in the order in which they first come.
 */
export function parametersOf(args: readonly unknown[], sql: string): SqlParameters {
  const first = args[0];
  if (args.length === 1 && isNamed(first)) return namedParameters(first, sql);
  const inputs = args.map((value, index) => inputOf(value, `parameter ${index + 1}`));
  // Most texts have no names, which is seen at a glance.
  if (inputs.length === 0 || !/[:@$]/.test(sql)) return inputs;
  const names = namesIn(sql);
  if (names.size === 0 || names.has("?") || inputs.length > names.size) return inputs;
  return Object.fromEntries([...names].map((name, index) => [name, inputs[index] ?? null]));
}

/** The same parameters, with copies of those that are bytes. */
export function withOwnBytes(parameters: SqlParameters): SqlParameters {
  if (isPositional(parameters)) return parameters.map(ownBytes);
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, ownBytes(value)]));
}

function isPositional(parameters: SqlParameters): parameters is readonly SqlInput[] {
  return Array.isArray(parameters);
}

function ownBytes(value: SqlInput): SqlInput {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** The parameters of a text: their names with the sign before them, and "?" where there are some without. */
function namesIn(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(tokens)) if (name !== undefined) names.add(name);
  return names;
}

function namedParameters(given: Readonly<Record<string, unknown>>, sql: string): SqlParameters {
  const names = namesIn(sql);
  names.delete("?");
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
