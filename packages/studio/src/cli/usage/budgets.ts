import { harmless, jsonLine, noArguments, oneArgument, parse, UsageError, verbOf } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { StudioClient } from "@holdfast/studio";
import {
  type BudgetInput,
  type BudgetUse,
  usageBudgetPeriods,
  usageBudgetScopes,
} from "../../contract/usage.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const budgetsUsage = `holdfast budgets [list] | set ID [options] | remove ID

  list            lists the budgets, and how much of each is used
  set ID          adds a budget under a name of your choice, or replaces it
  --scope WHOSE   ${usageBudgetScopes.join(", ")}
  --subject WHICH one person, repository or task; without it, each has the budget for itself
  --period WHEN   ${usageBudgetPeriods.join(", ")}; in UTC
  --cost DOLLARS  at most this many US dollars
  --tokens COUNT  at most this many tokens, read and written
  --warn PERCENT  part at which people are warned (default: 80)
  remove ID       deletes a budget
  --organization ID  an organization besides the first one, by its id or name
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast)
  --json          machine-readable output

When a budget is used up, no new turn begins and a running one ends at its next model call.`;

const options = {
  scope: { type: "string" },
  subject: { type: "string" },
  period: { type: "string" },
  cost: { type: "string" },
  tokens: { type: "string" },
  warn: { type: "string" },
} as const;

type Values = { readonly [name in keyof typeof options]?: string };

export async function budgetsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...organizationOption, ...options });
  if (values.help === true) {
    console.log(budgetsUsage);
    return 0;
  }
  const [given = "list", ...rest] = positionals;
  const verb = verbOf("budgets", ["list", "set", "remove"], given);
  if (verb === "list") noArguments(rest);
  const id = verb === "list" ? "" : oneArgument(rest, "The name of the budget");
  const budget = verb === "set" ? budgetOf(id, values) : undefined;
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client }) => {
    if (verb === "list") await list(client, json);
    else if (budget !== undefined) {
      await client.usage.saveBudget(budget);
      console.log(json ? jsonLine(budget) : "The budget is set.");
    } else {
      await remove(client, id);
      console.log(json ? jsonLine({ id, removed: true }) : "The budget is deleted.");
    }
    return 0;
  });
}

function budgetOf(id: string, values: Values): BudgetInput {
  const scope = usageBudgetScopes.find((each) => each === values.scope);
  const period = usageBudgetPeriods.find((each) => each === (values.period ?? "month"));
  if (scope === undefined) throw new UsageError(`--scope must be one of: ${usageBudgetScopes.join(", ")}`);
  if (period === undefined) throw new UsageError(`--period must be one of: ${usageBudgetPeriods.join(", ")}`);
  const number = (name: keyof Values, pattern: RegExp): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!pattern.test(text)) throw new UsageError(`--${name} must be a number`);
    return Number(text);
  };
  const cost = number("cost", /^\d{1,9}(\.\d{1,6})?$/);
  const tokens = number("tokens", /^\d{1,15}$/);
  const warn = number("warn", /^\d{1,3}$/);
  if (cost === undefined && tokens === undefined) throw new UsageError("--cost or --tokens is needed");
  return {
    ...{ id, scope, period },
    ...(values.subject === undefined ? {} : { subject: values.subject }),
    ...(cost === undefined ? {} : { costMicros: Math.round(cost * 1e6) }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(warn === undefined ? {} : { warnAt: warn / 100 }),
  };
}

async function remove(client: StudioClient, id: string): Promise<void> {
  const { budgets } = await client.usage.budgets();
  if (!budgets.some((each) => each.id === id)) {
    const message = `There is no budget "${id}". List all with: holdfast budgets`;
    throw new HoldfastError("budget", "not_found", message, { statusCode: 404 });
  }
  await client.usage.deleteBudget(id);
}

async function list(client: StudioClient, json: boolean): Promise<void> {
  const { budgets, uses } = await client.usage.budgets();
  if (json) {
    for (const budget of budgets)
      console.log(jsonLine({ ...budget, uses: uses.filter((use) => use.budget === budget.id) }));
    return;
  }
  if (budgets.length === 0) console.log("There are no budgets.");
  for (const budget of budgets) {
    console.log(harmless(`${budget.id}: ${boundText(budget)}`));
    for (const use of uses) if (use.budget === budget.id) console.log(`  ${formatUse(use)}`);
  }
}

function boundText({ scope, subject, period, costMicros, tokens }: BudgetInput): string {
  const bounds = [
    ...(costMicros === undefined ? [] : [`$${(costMicros / 1e6).toFixed(2)}`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
  ];
  const whose = scope === "organization" ? "the organization" : (subject ?? `each ${scope}`);
  return `${bounds.join(" and ")} ${period === "always" ? "in all" : `a ${period}`} for ${whose}`;
}

function formatUse({ name, used, costMicros, tokens, state }: BudgetUse): string {
  const mark = state === "ok" ? "" : state === "warning" ? "  nearly used up" : "  USED UP";
  return harmless(
    `${name}: ${Math.round(used * 100)} % ($${(costMicros / 1e6).toFixed(2)}, ${tokens} tokens)${mark}`,
  );
}
