import { HoldfastError } from "@holdfast/core";
import {
  type BudgetInput,
  type PriceInput,
  type UsageDimension,
  type UsageQuery,
  usageBudgetPeriods,
  usageBudgetScopes,
  usageDimensions,
} from "../../contract/usage.ts";
import { studioLimits } from "../../limits.ts";
import { addDays, dayOf, isDay } from "./days.ts";

export function invalidUsage(message: string): HoldfastError {
  return new HoldfastError("usage", "invalid_input", message, { statusCode: 400 });
}

export function invalidBudget(message: string): HoldfastError {
  return new HoldfastError("budget", "invalid_input", message, { statusCode: 400 });
}

/** A query with its defaults. */
export interface ReadUsageQuery {
  readonly by: UsageDimension;
  readonly since: string;
  readonly until: string;
  readonly filter: ReadonlyMap<UsageDimension, string>;
  readonly limit: number;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string, fail: (message: string) => Error): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw fail(`${what} must be an object`);
}

/** Throws `usage.invalid_input`. */
export function readUsageQuery(value: unknown, now: number): ReadUsageQuery {
  const {
    by,
    filter = {},
    limit = 100,
    ...days
  }: Partial<Record<keyof UsageQuery, unknown>> = fieldsOf(value, "The query", invalidUsage);
  const dimension = usageDimensions.find((each) => each === by);
  if (dimension === undefined) throw invalidUsage(`\`by\` must be one of: ${usageDimensions.join(", ")}`);
  if (!Number.isSafeInteger(limit) || Number(limit) < 1 || Number(limit) > studioLimits.maxUsageRows)
    throw invalidUsage(`\`limit\` must be a number from 1 to ${studioLimits.maxUsageRows}`);
  const wanted = new Map<UsageDimension, string>();
  for (const [name, selected] of Object.entries(fieldsOf(filter, "`filter`", invalidUsage))) {
    const known = usageDimensions.find((each) => each === name && each !== "day");
    if (known === undefined) throw invalidUsage(`Usage cannot be filtered by "${name.slice(0, 40)}"`);
    if (selected === undefined) continue;
    if (typeof selected !== "string" || selected.length > 4_096)
      throw invalidUsage(`The filter "${known}" must be text of at most 4,096 characters`);
    wanted.set(known, selected);
  }
  return { by: dimension, filter: wanted, limit: Number(limit), ...readDays(days, now) };
}

/** Throws `usage.invalid_input`. */
export function readDays(value: unknown, now: number): { readonly since: string; readonly until: string } {
  const { since, until }: Partial<Record<"since" | "until", unknown>> = fieldsOf(
    value ?? {},
    "The query",
    invalidUsage,
  );
  const last = until ?? dayOf(now);
  if (!isDay(last)) throw invalidUsage("`until` must be a day: 2026-01-31");
  const first = since ?? addDays(last, -29);
  if (!isDay(first)) throw invalidUsage("`since` must be a day: 2026-01-31");
  if (first > last) throw invalidUsage("`since` must not be after `until`");
  if (addDays(first, studioLimits.maxUsageDays - 1) < last)
    throw invalidUsage(`A report covers at most ${studioLimits.maxUsageDays} days`);
  return { since: first, until: last };
}

/** Throws `usage.invalid_input`. */
export function readPrice(value: unknown): PriceInput {
  const { model, input, output, cacheRead, cacheWrite }: Partial<Record<keyof PriceInput, unknown>> =
    fieldsOf(value, "A price", invalidUsage);
  const rate = (given: unknown, name: string): number => {
    if (typeof given === "number" && Number.isFinite(given) && given >= 0 && given <= 1_000_000) return given;
    throw invalidUsage(`\`${name}\` must be US dollars for a million tokens, zero or more`);
  };
  return {
    model: readModel(model),
    input: rate(input, "input"),
    output: rate(output, "output"),
    ...(cacheRead === undefined ? {} : { cacheRead: rate(cacheRead, "cacheRead") }),
    ...(cacheWrite === undefined ? {} : { cacheWrite: rate(cacheWrite, "cacheWrite") }),
  };
}

/** Throws `usage.invalid_input`. */
export function readModel(model: unknown): string {
  if (typeof model === "string" && model.trim() !== "" && model.length <= 200)
    return model.trim().toLowerCase();
  throw invalidUsage("`model` must be the id of a model, at most 200 characters");
}

/** Throws `budget.invalid_input`. */
export function readBudget(value: unknown): BudgetInput {
  const fields: Partial<Record<keyof BudgetInput, unknown>> = fieldsOf(value, "A budget", invalidBudget);
  const scope = usageBudgetScopes.find((each) => each === fields.scope);
  const period = usageBudgetPeriods.find((each) => each === fields.period);
  if (scope === undefined) throw invalidBudget(`\`scope\` must be one of: ${usageBudgetScopes.join(", ")}`);
  if (period === undefined)
    throw invalidBudget(`\`period\` must be one of: ${usageBudgetPeriods.join(", ")}`);
  const { subject, warnAt = 0.8 } = fields;
  const isSubject = typeof subject === "string" && subject !== "" && subject.length <= 4_096;
  if (subject !== undefined && !isSubject)
    throw invalidBudget("`subject` must be text of 1 to 4,096 characters");
  if (typeof warnAt !== "number" || !(warnAt > 0 && warnAt <= 1))
    throw invalidBudget("`warnAt` must be a number above 0, at most 1");
  const bound = (given: unknown, name: string): number | undefined => {
    if (given === undefined) return undefined;
    if (Number.isSafeInteger(given) && Number(given) > 0) return Number(given);
    throw invalidBudget(`\`${name}\` must be a whole number above zero`);
  };
  const costMicros = bound(fields.costMicros, "costMicros");
  const tokens = bound(fields.tokens, "tokens");
  if (costMicros === undefined && tokens === undefined)
    throw invalidBudget("A budget bounds `costMicros`, `tokens` or both");
  return {
    ...{ id: readBudgetId(fields.id), scope, period, warnAt },
    ...(scope === "organization" || subject === undefined ? {} : { subject: subject as string }),
    ...(costMicros === undefined ? {} : { costMicros }),
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** Throws `budget.invalid_input`. */
export function readBudgetId(id: unknown): string {
  if (typeof id === "string" && id !== "" && id.length <= 100) return id;
  throw invalidBudget("`id` must be text of 1 to 100 characters");
}
