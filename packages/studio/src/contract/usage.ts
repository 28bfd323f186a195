/** Types of the contract about usage: what was used by whom, what it cost, prices of models, and budgets. */

/** By what usage is grouped and filtered. */
export const usageDimensions = ["person", "task", "session", "agent", "model", "repository", "day"] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export interface UsageAmounts {
  /** Prompts that an agent began to work on. */
  readonly turns: number;
  /** Calls of models. */
  readonly requests: number;
  /** All input tokens, those read from and written to a cache included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** Millionths of a US dollar: the cost of the calls whose model has a price. */
  readonly costMicros: number;
  /** Calls whose cost is not known: their model has no price, or a crash of the server hid what they used. */
  readonly unpricedRequests: number;
  /** How long sandboxes ran. */
  readonly sandboxMs: number;
}

/** What to report. Days are "2026-01-31", in UTC; both ends are included. */
export interface UsageQuery {
  readonly by: UsageDimension;
  /** By default, the 29 days before `until`. */
  readonly since?: string;
  /** By default today. */
  readonly until?: string;
  readonly filter?: Readonly<Partial<Record<Exclude<UsageDimension, "day">, string>>>;
  /** Rows, at most 1,000, by default 100: those with the highest cost. */
  readonly limit?: number;
}

export interface UsageRow extends UsageAmounts {
  /** The id of the person or task, or what the dimension has as a name. Empty where it has none. */
  readonly key: string;
  /** For people: the name of the person, the title of the task. */
  readonly name: string;
}

export interface UsageReport {
  readonly by: UsageDimension;
  readonly since: string;
  readonly until: string;
  readonly rows: readonly UsageRow[];
  /** Number of rows beyond the limit. They are in the total. */
  readonly omitted: number;
  readonly total: UsageAmounts;
  /** Every day of the report, in order, also those without usage. At most 366. */
  readonly days: readonly (UsageAmounts & { readonly day: string })[];
}

/** One line of the complete data: the usage of one day, person, session, agent and model. */
export interface UsageRecord extends UsageAmounts {
  readonly day: string;
  readonly person: string;
  readonly task: string;
  readonly session: string;
  readonly agent: string;
  /** Empty for turns and sandboxes. */
  readonly model: string;
  readonly repository: string;
}

export interface UsageRecordPage {
  readonly records: readonly UsageRecord[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/** Price of a model that somebody has set, in US dollars for a million tokens. */
export interface PriceInput {
  /** The model's id. A date or "-latest" behind it still matches; "*" matches every model without a price. */
  readonly model: string;
  readonly input: number;
  readonly output: number;
  /** Input that is read from a cache, and written to it; the price of input by default. */
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
}

export interface PriceView extends PriceInput {
  /** Where it is from: edited in the Studio, `egress.json`, or the table that comes with Holdfast. */
  readonly source: "edited" | "configured" | "table";
  /** True for a model that has been used here. */
  readonly isUsed: boolean;
}

export interface PriceList {
  /** Day on which the table was read from the providers' pages. */
  readonly asOf: string;
  readonly prices: readonly PriceView[];
  /** Used models without a price, with the number of their calls. */
  readonly unpriced: readonly { readonly model: string; readonly requests: number }[];
}

export const usageBudgetScopes = ["organization", "person", "repository", "task"] as const;
export type UsageBudgetScope = (typeof usageBudgetScopes)[number];
export const usageBudgetPeriods = ["day", "month", "always"] as const;
export type UsageBudgetPeriod = (typeof usageBudgetPeriods)[number];

export interface BudgetInput {
  /** Chosen by the client: saving again with the same id replaces the budget. At most 100 characters. */
  readonly id: string;
  readonly scope: UsageBudgetScope;
  /** The person, repository or task; for an organization, nothing. Without it, each has the budget for itself. */
  readonly subject?: string;
  /** In UTC. "always" never begins anew. */
  readonly period: UsageBudgetPeriod;
  /** At least one of the two. */
  readonly costMicros?: number;
  readonly tokens?: number;
  /** Part of the budget at which people are warned: 0.8 by default. */
  readonly warnAt?: number;
}

/** A budget, and how much of it somebody has used. */
export interface BudgetUse {
  readonly budget: string;
  readonly scope: UsageBudgetScope;
  readonly subject: string;
  readonly name: string;
  readonly period: UsageBudgetPeriod;
  readonly costMicros: number;
  readonly tokens: number;
  /** The used part: 1 is all of it. */
  readonly used: number;
  readonly state: "ok" | "warning" | "exceeded";
  /** When the period ends; null for "always". */
  readonly endsAt: number | null;
}

export interface BudgetList {
  readonly budgets: readonly BudgetInput[];
  /** The state of each budget for each that has used some of it, the fullest first; at most 200. */
  readonly uses: readonly BudgetUse[];
}

/** Actions of `usage`. Errors: groups "usage", "budget". */
export interface UsageActions {
  /** Throws `usage.invalid_input`. */
  report(query: UsageQuery): Promise<UsageReport>;
  /** The complete data of some days, at most 1,000 lines a page. Throws `usage.invalid_input`. */
  records(query: {
    readonly since?: string;
    readonly until?: string;
    readonly cursor?: string;
  }): Promise<UsageRecordPage>;
  prices(): Promise<PriceList>;
  /** Sets the price of a model; calls of it whose cost was not known get one. Throws `usage.invalid_input`. */
  setPrice(price: PriceInput): Promise<void>;
  /** Back to the price of the configuration or the table. Idempotent. */
  removePrice(model: string): Promise<void>;
  budgets(): Promise<BudgetList>;
  /** Throws `budget.invalid_input`, `budget.too_many`. */
  saveBudget(budget: BudgetInput): Promise<void>;
  /** Idempotent. */
  deleteBudget(id: string): Promise<void>;
}

/** Events of `usage`. */
export interface UsageEvents {
  /** Something was used, or a price or a budget has changed. */
  changed: { readonly revision: number };
}
