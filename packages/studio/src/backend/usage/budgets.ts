import { HoldfastError } from "@holdfast/core";
import type { BudgetInput, BudgetList, BudgetUse, UsageBudgetPeriod } from "../../contract/usage.ts";
import { studioLimits } from "../../limits.ts";
import { dayOf } from "./days.ts";
import type { UsageSubject } from "./entry.ts";
import { nameOf } from "./report.ts";
import type { UsageDatabase } from "./schema.ts";

/** Whose budgets apply to a prompt. */
export type BudgetSubject = Pick<UsageSubject, "person" | "repository"> & Partial<Pick<UsageSubject, "task">>;

/** The only subject of budgets of the organization. */
const organization = "organization";

export function listBudgets(db: UsageDatabase, now: number): BudgetList {
  const budgets = readBudgets(db);
  const uses = budgets.flatMap((budget) => statesOf(db, budget, now));
  uses.sort((a, b) => b.used - a.used);
  return { budgets, uses: uses.slice(0, studioLimits.maxBudgetUses) };
}

function readBudgets(db: UsageDatabase): readonly BudgetInput[] {
  return db
    .query<{ body: string }>("SELECT body FROM budget ORDER BY id")
    .map(({ body }) => JSON.parse(body) as BudgetInput);
}

/** Throws `budget.too_many`. */
export async function saveBudget(db: UsageDatabase, budget: BudgetInput): Promise<void> {
  const others = readBudgets(db).filter(({ id }) => id !== budget.id).length;
  if (others >= studioLimits.maxBudgets) {
    const message = `There are ${others} budgets. Delete one of them first.`;
    throw new HoldfastError("budget", "too_many", message, { statusCode: 409 });
  }
  await db.execute(
    "INSERT INTO budget (id, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
    budget.id,
    JSON.stringify(budget),
  );
}

export async function deleteBudget(db: UsageDatabase, id: string): Promise<void> {
  await db.execute("DELETE FROM budget WHERE id = ?", id);
}

/** Throws `budget.exceeded` if a budget that applies to the subject is used up. */
export function requireBudget(db: UsageDatabase, subject: BudgetSubject, now: number): void {
  for (const budget of readBudgets(db)) {
    const whose = subjectOf(budget, subject);
    if (whose === undefined) continue;
    const use = stateOf(db, budget, whose, now);
    if (use.state === "exceeded") throw exceeded(budget, use);
  }
}

/** Whom a budget counts for this subject; undefined if it does not apply. */
function subjectOf(budget: BudgetInput, subject: BudgetSubject): string | undefined {
  const whose = budget.scope === "organization" ? organization : subject[budget.scope];
  return budget.subject === undefined || budget.subject === whose ? whose : undefined;
}

/** The use of a budget by each that has used some of it, or is named by it. */
function statesOf(db: UsageDatabase, budget: BudgetInput, now: number): readonly BudgetUse[] {
  if (budget.scope === "organization") return [stateOf(db, budget, organization, now)];
  if (budget.subject !== undefined) return [stateOf(db, budget, budget.subject, now)];
  const rows = db.query<{ subject: string }>(
    `SELECT ${budget.scope} AS subject FROM used WHERE day >= ? GROUP BY subject
     ORDER BY sum(cost) DESC, sum(input + output) DESC LIMIT ?`,
    firstDay(budget.period, now),
    studioLimits.maxBudgetUses,
  );
  return rows.map(({ subject }) => stateOf(db, budget, subject, now));
}

function stateOf(db: UsageDatabase, budget: BudgetInput, subject: string, now: number): BudgetUse {
  const { id, scope, period } = budget;
  const whose = scope === "organization" ? "" : `AND ${scope} = ?`;
  const sums = db.get<{ cost: number; tokens: number }>(
    `SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(input + output), 0) AS tokens FROM used WHERE day >= ? ${whose}`,
    firstDay(period, now),
    ...(scope === "organization" ? [] : [subject]),
  );
  const { cost = 0, tokens = 0 } = sums ?? {};
  const used = Math.max(
    budget.costMicros === undefined ? 0 : cost / budget.costMicros,
    budget.tokens === undefined ? 0 : tokens / budget.tokens,
  );
  const name = scope === "organization" ? "Organization" : nameOf(db, scope, subject);
  const state = used >= 1 ? "exceeded" : used >= (budget.warnAt ?? 0.8) ? "warning" : "ok";
  return {
    ...{ budget: id, scope, subject, name, period, costMicros: cost, tokens, used, state },
    endsAt: endOf(period, now),
  };
}

function firstDay(period: UsageBudgetPeriod, now: number): string {
  const today = dayOf(now);
  return period === "day" ? today : period === "month" ? `${today.slice(0, 7)}-01` : "";
}

function endOf(period: UsageBudgetPeriod, now: number): number | null {
  const date = new Date(now);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  if (period === "always") return null;
  return period === "month" ? Date.UTC(year, month + 1, 1) : Date.UTC(year, month, date.getUTCDate() + 1);
}

function exceeded(budget: BudgetInput, use: BudgetUse): HoldfastError {
  const { costMicros, tokens, period, scope, id } = budget;
  const isCost = costMicros !== undefined && use.costMicros >= costMicros;
  const [bound, used] = isCost
    ? [dollars(costMicros), dollars(use.costMicros)]
    : [`${count(tokens ?? 0)} tokens`, `${count(use.tokens)} tokens`];
  const whose = scope === "organization" ? "the organization" : `the ${scope} ${use.name}`;
  const when = period === "always" ? "" : ` this ${period}`;
  const wait =
    use.endsAt === null ? "" : ` It begins anew on ${new Date(use.endsAt).toISOString().slice(0, 10)} (UTC).`;
  const message =
    `The budget of ${whose} is used up: ${used} of ${bound}${when}. ` +
    `An owner or admin can raise it on the page Usage.${wait}`;
  return new HoldfastError("budget", "exceeded", message, {
    statusCode: 402,
    metadata: { budget: id, scope, subject: use.subject, period, endsAt: use.endsAt },
  });
}

const count = (tokens: number) => tokens.toLocaleString("en-US");
const dollars = (micros: number) => `$${(micros / 1e6).toFixed(2)}`;
