/** Rows of better-auth as rows of the actors, and back: names, times, and tokens of which only a hash is stored. */

import type { Condition, Operator, Page, Row, Value } from "../actors/where.ts";
import { sha256 } from "../hash.ts";

/** A condition of better-auth. */
export interface AdapterWhere {
  readonly field: string;
  readonly value: unknown;
  readonly operator?: string | undefined;
  readonly connector?: string | undefined;
  readonly mode?: string | undefined;
}

const timeFields = [
  ...["createdAt", "updatedAt", "expiresAt", "accessTokenExpiresAt", "refreshTokenExpiresAt"],
];

/** The field of a session whose column has a hash of it. */
const isToken = (model: string, field: string) => model === "session" && field === "token";

function columnOf(model: string, field: string): string {
  if (isToken(model, field)) return "token_hash";
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function fieldOf(column: string): string {
  return column.replaceAll(/_([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}

function toValue(model: string, field: string, value: unknown): Value {
  if (isToken(model, field)) return sha256(String(value));
  if (value instanceof Date) return value.getTime();
  if (typeof value === "boolean") return Number(value);
  return typeof value === "string" || typeof value === "number" ? value : null;
}

export function toRow(model: string, data: Readonly<Record<string, unknown>>): Row {
  const entries = Object.entries(data).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([field, value]) => [columnOf(model, field), toValue(model, field, value)]),
  );
}

/**
 * A row for better-auth. The token of a session is not stored: it is there if the query has it, and otherwise the hash
 * is, which is no token.
 */
export function fromRow(
  model: string,
  row: Row,
  where: readonly AdapterWhere[],
): Readonly<Record<string, unknown>> {
  const tokens = where.flatMap(({ field, value }) =>
    isToken(model, field) ? [value].flat().map(String) : [],
  );
  const data: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    if (column === "token_hash") data["token"] = tokens.find((token) => sha256(token) === value) ?? value;
    else {
      const field = fieldOf(column);
      data[field] = timeFields.includes(field) && typeof value === "number" ? new Date(value) : value;
    }
  }
  return data;
}

export function toConditions(model: string, where: readonly AdapterWhere[]): readonly Condition[] {
  return where.map(({ field, value, operator, connector, mode }) => ({
    column: columnOf(model, field),
    operator: (operator ?? "eq") as Operator,
    value: Array.isArray(value)
      ? value.map((each) => toValue(model, field, each))
      : toValue(model, field, model === "user" && field === "email" ? String(value).toLowerCase() : value),
    or: connector === "OR",
    anyCase: mode === "insensitive",
  }));
}

export function toPage(
  model: string,
  query: {
    readonly limit?: number | undefined;
    readonly offset?: number | undefined;
    readonly sortBy?: { readonly field: string; readonly direction: "asc" | "desc" } | undefined;
  },
): Page {
  const { limit, offset, sortBy } = query;
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
    ...(sortBy === undefined
      ? {}
      : { sortBy: { column: columnOf(model, sortBy.field), descending: sortBy.direction === "desc" } }),
  };
}
