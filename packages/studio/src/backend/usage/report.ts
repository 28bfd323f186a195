import type {
  UsageAmounts,
  UsageDimension,
  UsageRecord,
  UsageRecordPage,
  UsageReport,
  UsageRow,
} from "../../contract/usage.ts";
import { studioLimits } from "../../limits.ts";
import { daysBetween } from "./days.ts";
import { invalidUsage, type ReadUsageQuery, readDays } from "./input.ts";
import { amountColumns, summedAmounts, type UsageDatabase } from "./schema.ts";

const noUsage = Object.fromEntries(
  Object.keys(amountColumns).map((name) => [name, 0]),
) as unknown as UsageAmounts;

/** The sums of some days, grouped. */
export function reportUsage(db: UsageDatabase, query: ReadUsageQuery): UsageReport {
  const { by, since, until, limit } = query;
  const { where, values } = conditionOf(query);
  // Turns and sandboxes have no model.
  const grouped = by === "model" ? `${where} AND requests > 0` : where;
  const order =
    by === "day" ? "key DESC" : "costMicros DESC, inputTokens + outputTokens DESC, sandboxMs DESC, key";
  const rows = db.query<UsageAmounts & { readonly key: string }>(
    `SELECT ${by} AS key, ${summedAmounts} FROM used WHERE ${grouped} GROUP BY key ORDER BY ${order} LIMIT ?`,
    ...values,
    limit,
  );
  const groups = db.get<{ count: number }>(
    `SELECT count(DISTINCT ${by}) AS count FROM used WHERE ${grouped}`,
    ...values,
  );
  const total = db.get<UsageAmounts>(`SELECT ${summedAmounts} FROM used WHERE ${where}`, ...values);
  return {
    ...{ by, since, until },
    rows: rows.map((row): UsageRow => ({ ...row, name: nameOf(db, by, row.key) })),
    omitted: Math.max(0, (groups?.count ?? 0) - rows.length),
    total: { ...noUsage, ...total },
    days: daysOf(db, query),
  };
}

/** What was used from a day on. */
export function totalsSince(db: UsageDatabase, since: string): UsageAmounts {
  const total = db.get<UsageAmounts>(`SELECT ${summedAmounts} FROM used WHERE day >= ?`, since);
  return { ...noUsage, ...total };
}

function daysOf(db: UsageDatabase, query: ReadUsageQuery): UsageReport["days"] {
  const { where, values } = conditionOf(query);
  const known = new Map(
    db
      .query<UsageAmounts & { readonly day: string }>(
        `SELECT day, ${summedAmounts} FROM used WHERE ${where} GROUP BY day`,
        ...values,
      )
      .map((row) => [row.day, row]),
  );
  return daysBetween(query.since, query.until).map((day) => known.get(day) ?? { day, ...noUsage });
}

function conditionOf({ since, until, filter }: ReadUsageQuery): { where: string; values: string[] } {
  const conditions = ["day >= ?", "day <= ?"];
  const values = [since, until];
  for (const [dimension, value] of filter) {
    conditions.push(`${dimension} = ?`);
    values.push(value);
  }
  return { where: conditions.join(" AND "), values };
}

/** The name that a person or a task has; of anything else, its key. */
export function nameOf(db: UsageDatabase, by: UsageDimension, key: string): string {
  if (by !== "person" && by !== "task") return key;
  const found = db.get<{ name: string }>("SELECT name FROM name WHERE kind = ? AND id = ?", by, key);
  return found?.name ?? key;
}

const keyColumns = ["day", "person", "task", "session", "agent", "model", "repository"] as const;

/** A page of the complete data, in the order of its days. Throws `usage.invalid_input`. */
export function pageOfRecords(db: UsageDatabase, query: unknown, now: number): UsageRecordPage {
  const { since, until } = readDays(query, now);
  const cursor: unknown = Reflect.get(Object(query), "cursor");
  const after = readCursor(cursor);
  const amounts = Object.entries(amountColumns).map(([name, column]) => `${column} AS ${name}`);
  const key = keyColumns.join(", ");
  const beyond = after === undefined ? "" : `AND (${key}) > (${keyColumns.map(() => "?").join(", ")})`;
  const records = db.query<UsageRecord & Record<string, never>>(
    `SELECT ${key}, ${amounts.join(", ")} FROM used WHERE day >= ? AND day <= ? ${beyond} ORDER BY ${key} LIMIT ?`,
    ...[since, until, ...(after ?? []), studioLimits.maxUsageRows],
  );
  const last = records.at(-1);
  if (last === undefined || records.length < studioLimits.maxUsageRows) return { records };
  return { records, cursor: JSON.stringify(keyColumns.map((name) => last[name])) };
}

function readCursor(cursor: unknown): readonly string[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(String(cursor));
    const isKey = Array.isArray(parts) && parts.length === keyColumns.length;
    if (isKey && parts.every((part) => typeof part === "string")) return parts;
  } catch {
    // Reported below.
  }
  throw invalidUsage("`cursor` must be that of the page before");
}
