import { HoldfastError } from "@holdfast/core";

/** A value of a column. Times are milliseconds since the epoch. */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** A condition on one column, combined with those before it from left to right. */
export interface Condition {
  readonly column: string;
  readonly operator: Operator;
  readonly value: Value | readonly Value[];
  readonly or?: boolean;
  /** True to ignore the case of ASCII letters. */
  readonly anyCase?: boolean;
}

const comparisons = { eq: "=", ne: "<>", lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;
const patterns = { contains: ["%", "%"], starts_with: ["", "%"], ends_with: ["%", ""] } as const;
export type Operator = keyof typeof comparisons | keyof typeof patterns | "in" | "not_in";

/** Which rows to read, and in which order. */
export interface Page {
  readonly sortBy?: { readonly column: string; readonly descending: boolean };
  readonly limit?: number;
  readonly offset?: number;
}

export interface Sql {
  readonly text: string;
  readonly values: readonly Value[];
}

/**
 * SQL of conditions on the columns of a table, for the part after `WHERE`. Throws `people.invalid_query` for a column
 * that the table does not have: names come from outside the actor.
 */
export function whereSql(columns: readonly string[], conditions: readonly Condition[]): Sql {
  let text = "1";
  const values: Value[] = [];
  for (const [index, condition] of conditions.entries()) {
    const next = conditionSql(columns, condition);
    values.push(...next.values);
    text = index === 0 ? next.text : `(${text}) ${condition.or === true ? "OR" : "AND"} (${next.text})`;
  }
  return { text, values };
}

/** SQL of the order and the part of the rows. Throws `people.invalid_query`. */
export function pageSql(columns: readonly string[], { sortBy, limit, offset }: Page): Sql {
  const order = sortBy && `ORDER BY ${known(columns, sortBy.column)} ${sortBy.descending ? "DESC" : "ASC"}`;
  return { text: `${order ?? ""} LIMIT ? OFFSET ?`, values: [limit ?? -1, offset ?? 0] };
}

function conditionSql(columns: readonly string[], condition: Condition): Sql {
  const { column, operator, value, anyCase } = condition;
  const name = known(columns, column);
  const collation = anyCase === true ? " COLLATE NOCASE" : "";
  switch (operator) {
    case "in":
    case "not_in": {
      const list: readonly Value[] = isList(value) ? value : [value];
      const marks = list.map(() => "?").join(", ");
      return { text: `${name}${collation} ${operator === "in" ? "IN" : "NOT IN"} (${marks})`, values: list };
    }
    case "contains":
    case "starts_with":
    case "ends_with": {
      const [before, after] = patterns[operator];
      const escaped = String(single(value)).replaceAll(/[\\%_]/g, "\\$&");
      const subject = anyCase === true ? `lower(${name})` : name;
      const text = anyCase === true ? escaped.toLowerCase() : escaped;
      return { text: `${subject} LIKE ? ESCAPE '\\'`, values: [`${before}${text}${after}`] };
    }
    default: {
      const only = single(value);
      if (only === null && operator === "eq") return { text: `${name} IS NULL`, values: [] };
      if (only === null && operator === "ne") return { text: `${name} IS NOT NULL`, values: [] };
      return { text: `${name} ${comparisons[operator]} ?${collation}`, values: [only] };
    }
  }
}

/** The column, which the table must have: then its name is no SQL of a stranger's. */
export function known(columns: readonly string[], column: string): string {
  if (columns.includes(column)) return `"${column}"`;
  throw new HoldfastError("people", "invalid_query", `There is no column ${column}`);
}

function isList(value: Condition["value"]): value is readonly Value[] {
  return Array.isArray(value);
}

function single(value: Condition["value"]): Value {
  if (!isList(value)) return value;
  throw new HoldfastError("people", "invalid_query", "The operator takes one value");
}
