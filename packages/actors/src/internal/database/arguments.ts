import type { SqlInput, SqlParameters } from "../../database/database.ts";
import { invalidBinding, missingBinding } from "./errors.ts";

/** Matches parameters, and the strings, quoted names and comments that may contain similar text. */
const tokens = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|(\?|[:@$][\w\u0080-\uffff]+)/g;

/** Beyond these bounds, a whole number is not a SQLite integer. */
const integerBound = 2 ** 63;

/**
 * Converts the arguments of `execute` to SQLite parameters: values by position, or one object with the named
 * parameters of `sql`. If `sql` has no names, the values of the object are bound by position; if it has only names,
 * positional values are bound to the names in order of their first occurrence.
 */
export function toSqlParameters(args: readonly unknown[], sql: string): SqlParameters {
  const first = args[0];
  if (args.length === 1 && isNamed(first)) return namedParameters(first, sql);
  const inputs = args.map((value, index) => toSqlInput(value, `parameter ${index + 1}`));
  // Fast path: most statements have no names.
  if (inputs.length === 0 || !/[:@$]/.test(sql)) return inputs;
  const names = parameterNames(sql);
  if (names.size === 0 || names.has("?") || inputs.length > names.size) return inputs;
  return Object.fromEntries([...names].map((name, index) => [name, inputs[index] ?? null]));
}

/** Copies the bytes among the parameters. */
export function copyParameterBytes(parameters: SqlParameters): SqlParameters {
  if (isPositional(parameters)) return parameters.map(copyBytes);
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, copyBytes(value)]));
}

function isPositional(parameters: SqlParameters): parameters is readonly SqlInput[] {
  return Array.isArray(parameters);
}

function copyBytes(value: SqlInput): SqlInput {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** The parameters in a statement: names with their sigils, and "?" if there are any without a name. */
function parameterNames(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(tokens)) if (name !== undefined) names.add(name);
  return names;
}

function namedParameters(given: Readonly<Record<string, unknown>>, sql: string): SqlParameters {
  const names = parameterNames(sql);
  names.delete("?");
  if (names.size === 0) {
    return Object.entries(given).map(([name, value]) => toSqlInput(value, `"${name}"`));
  }
  const named: Record<string, SqlInput> = {};
  for (const name of names) {
    const key = [name, name.slice(1), ...[":", "@", "$"].map((sigil) => sigil + name.slice(1))].find(
      (candidate) => Object.hasOwn(given, candidate),
    );
    const value = key === undefined ? undefined : given[key];
    if (value === undefined) throw missingBinding(name);
    named[name] = toSqlInput(value, `"${name}"`);
  }
  return named;
}

/** Callers in JavaScript can pass anything. */
function toSqlInput(value: unknown, place: string): SqlInput {
  switch (typeof value) {
    case "string":
    case "bigint":
      return value;
    case "number":
      // Node's SQLite binds every number as REAL, which shows in text, in divisions and in JSON.
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
