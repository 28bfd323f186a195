import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import type { BudgetUse } from "./contract/usage.ts";
import { modelsCheck, peopleBudgetsCheck } from "./status.ts";

test("the models check stays short whatever is missing: provider names, and the command that shows more", () => {
  const baseUrl = "https://models.example";
  const missing = {
    available: false,
    baseUrl,
    detail: "no credential: set A_KEY, or run: a command",
  } as const;
  const there = { available: true, baseUrl, detail: "a stored API key" } as const;
  assert.deepEqual(
    modelsCheck(
      {
        providers: [
          { provider: "anthropic", ...there },
          { provider: "openai", ...missing },
          { provider: "google", ...missing },
        ],
      },
      resolve(".holdfast"),
    ),
    {
      id: "models",
      name: "Models",
      status: "ok",
      detail: "anthropic: a stored API key; not set up: openai, google (npx holdfast auth status)",
    },
  );
  const none = modelsCheck({ providers: [{ provider: "anthropic", ...missing }] }, "/srv/data");
  assert.deepEqual(
    [none.status, none.detail, none.fix],
    [
      "warning",
      "not set up: anthropic (npx holdfast auth status --data /srv/data)",
      "npx holdfast auth api-key anthropic --data /srv/data",
    ],
  );
});

test("the check of budgets warns of those that are nearly used up, and says whose", () => {
  const use = (name: string, used: number, state: BudgetUse["state"]): BudgetUse => ({
    ...{ budget: "b", scope: "person", subject: name, name, period: "day", costMicros: 1, tokens: 1 },
    ...{ used, state, endsAt: null },
  });
  const budgets = [{ id: "b", scope: "person", period: "day", tokens: 1 }] as const;
  assert.equal(peopleBudgetsCheck({ budgets: [], uses: [] }), undefined);
  assert.equal(peopleBudgetsCheck({ budgets, uses: [use("Ada", 0.5, "ok")] })?.status, "ok");
  const full = peopleBudgetsCheck({
    budgets,
    uses: [use("Ada", 1.2, "exceeded"), use("Bob", 0.9, "warning"), use("Eve", 0.1, "ok")],
  });
  assert.deepEqual(
    [full?.status, full?.detail, full?.page],
    ["warning", "The budget of Ada is used up: no turn begins; 90 % of the budget of Bob is used", "budgets"],
  );
});
