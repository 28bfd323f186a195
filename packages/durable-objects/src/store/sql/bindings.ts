import type { SqlInput, SqlParameters } from "@holdfast/actors";
import type { SqlBinding } from "../../platform.ts";
import type { ParsedStatement, Token } from "./tokens.ts";

/** A statement as the platform takes it: parameters by number. */
export interface BoundStatement {
  readonly sql: string;
  readonly bindings: readonly SqlBinding[];
}

/** Binds the values of a statement. The platform binds every number as REAL, so that integers need a cast. */
export function bind({ sql, tokens }: ParsedStatement, parameters: SqlParameters = []): BoundStatement {
  const { names, numbers } = numbered(tokens);
  const values = isList(parameters) ? byPosition(parameters, names.length) : byName(parameters, names);
  if (!values.some((value) => typeof value === "bigint")) return { sql, bindings: values as SqlBinding[] };
  let text = "";
  let at = 0;
  for (const [token, number] of numbers) {
    const start = token.end - token.text.length;
    text += sql.slice(at, start) + expression(number, values[number - 1]);
    at = token.end;
  }
  text += sql.slice(at);
  return { sql: text, bindings: values.map(bindable) };
}

function byPosition(parameters: readonly SqlInput[], count: number): SqlInput[] {
  if (parameters.length > count) throw sqlError("column index out of range", 25);
  return Array.from({ length: count }, (_, at) => parameters[at] ?? null);
}

function byName(
  parameters: Readonly<Record<string, SqlInput>>,
  names: readonly (string | undefined)[],
): SqlInput[] {
  const known = new Map<string, SqlInput>();
  for (const [name, value] of Object.entries(parameters)) known.set(name.replace(/^[:@$]/, ""), value);
  for (const name of known.keys()) {
    if (!names.includes(name)) throw sqlError(`Unknown named parameter '${name}'`, 21);
  }
  return names.map((name) => (name === undefined ? undefined : known.get(name)) ?? null);
}

/** The names of the parameters by their number, and the number of each occurrence. */
function numbered(tokens: readonly Token[]) {
  const names: (string | undefined)[] = [];
  const numbers: [Token, number][] = [];
  for (const token of tokens) {
    if (token.type !== "parameter") continue;
    const name = token.text.slice(1);
    if (token.text === "?") numbers.push([token, names.push(undefined)]);
    else if (token.text.startsWith("?")) {
      while (names.length < Number(name)) names.push(undefined);
      numbers.push([token, Number(name)]);
    } else {
      const known = names.indexOf(name);
      numbers.push([token, known === -1 ? names.push(name) : known + 1]);
    }
  }
  return { names, numbers };
}

function isList(parameters: SqlParameters): parameters is readonly SqlInput[] {
  return Array.isArray(parameters);
}

/** Without an affinity of its own, as a bound integer. */
function expression(number: number, value: SqlInput | undefined): string {
  if (typeof value !== "bigint") return `?${number}`;
  if (Number.isSafeInteger(Number(value))) return `+CAST(?${number} AS INTEGER)`;
  // A number of JavaScript would round it. The lowest integer has no literal.
  const literal = value === -(2n ** 63n) ? `${value + 1n} - 1` : `${value}`;
  return `+(${literal} + (?${number} IS NULL AND 0))`;
}

function bindable(value: SqlInput): SqlBinding {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

/** An error with SQLite's result code, as other stores throw it. */
export function sqlError(message: string, errcode: number): Error {
  return Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
}
