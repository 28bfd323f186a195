import { HoldfastError } from "@holdfast/core";
import type { Principal } from "../../vault/grants.ts";

/** Whose usage a budget bounds. */
export const budgetScopes = ["session", "user", "organization", "host"] as const;

/** Whose usage is summed; "host" is everything that goes through one gate. */
export type BudgetScope = (typeof budgetScopes)[number];

/** When a budget resets. */
export const budgetPeriods = ["day", "month", "always"] as const;

/** Days and months are in UTC; "always" never resets. */
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** A hard bound on what models may use. At least one of `tokens` and `costMicros` is given. */
export interface BudgetRule {
  readonly scope: BudgetScope;
  /** Only this session, user or organisation; without it, each has the budget for itself. */
  readonly subject?: string;
  readonly period: BudgetPeriod;
  /** Input and output together. */
  readonly tokens?: number;
  /** Millionths of a US dollar. */
  readonly costMicros?: number;
}

/** Tokens, and millionths of a US dollar. */
export interface Spent {
  readonly tokens: number;
  readonly costMicros: number;
}

/** How much of a budget is spent. */
export interface BudgetStatus extends BudgetRule {
  readonly subject: string;
  readonly spent: Spent;
  /** By running calls. */
  readonly reserved: Spent;
}

/** Whose id a budget of `scope` counts for a principal; undefined where there is none. */
export function subjectOf(scope: BudgetScope, principal: Principal): string | undefined {
  return scope === "host" ? "host" : principal[scope];
}

/** The rules that apply to a principal. */
export function rulesFor(rules: readonly BudgetRule[], principal: Principal): readonly BudgetRule[] {
  return rules.filter((rule) => {
    const subject = subjectOf(rule.scope, principal);
    return subject !== undefined && (rule.subject === undefined || rule.subject === subject);
  });
}

/** The UTC day of a time. */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** The name of the period that a time is in: its day, its month, or nothing. */
export function periodAt(period: BudgetPeriod, now: number): string {
  switch (period) {
    case "day":
      return dayOf(now);
    case "month":
      return dayOf(now).slice(0, 7);
    case "always":
      return "";
  }
}

/** The refusal of a call that its budget does not admit. */
export function budgetExceeded(
  rule: BudgetRule,
  unit: keyof Spent,
  { spent, reserved, wanted }: { readonly spent: Spent; readonly reserved: Spent; readonly wanted: Spent },
): HoldfastError {
  const words = unit === "tokens" ? count : dollars;
  const limit = rule[unit] ?? 0;
  const period = rule.period === "always" ? "" : ` this ${rule.period}`;
  return new HoldfastError(
    "egress",
    "budget_exceeded",
    `The budget of this ${rule.scope} is ${words(limit)}${period}: ${words(spent[unit])} used, ` +
      `${words(reserved[unit])} reserved by running calls, and this call may need ${words(wanted[unit])}`,
    {
      statusCode: 402,
      metadata: { scope: rule.scope, period: rule.period, unit, limit, spent, reserved, wanted },
    },
  );
}

/** Made with the first refusal: it takes longer than the rest of this module, and longer than a refusal. */
let numbers: Intl.NumberFormat | undefined;

function count(tokens: number): string {
  numbers ??= new Intl.NumberFormat("en-US");
  return `${numbers.format(tokens)} tokens`;
}

const dollars = (micros: number) => `$${(micros / 1e6).toFixed(micros < 1e6 ? 4 : 2)}`;
