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
