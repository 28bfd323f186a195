import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createStudio, type Studio } from "../../src/index.ts";
import { makeRepository, needsJail, temporaryFolder, Watch } from "../support.ts";
import { modelEnvironment, type ReportingModel, startModel, untilReport } from "./support.ts";

interface World {
  readonly studio: Studio;
  readonly model: ReportingModel;
  readonly repository: string;
  run(prompt: string): Promise<Watch>;
}

async function start(t: TestContext): Promise<World> {
  const folder = temporaryFolder(t);
  const model = await startModel(t);
  const repository = makeRepository(folder);
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    webDirectory: folder,
    environment: modelEnvironment(folder, model),
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const run = async (prompt: string) => {
    const { id } = await studio.client.organization.createTask({ repository, agent: "gemini", prompt });
    const watch = await Watch.open(studio.client, id);
    t.after(() => watch.close());
    return watch;
  };
  return { studio, model, repository, run };
}

test("a model call is counted by person, task, agent, model, repository and day, with its cost", async (t) => {
  if (!needsJail(t)) return;
  const { studio, repository, run } = await start(t);
  const { usage } = studio.client;
  const watch = await run("call gemini-2.5-pro 1000 200; call gemini-2.5-pro 500 100");
  const view = await watch.status("idle", "failed");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  const { rows, total, days } = await untilReport(
    studio.client,
    "model",
    (report) => report.total.requests === 2,
  );
  // 1.25 dollars for a million tokens of input, and 10 for output.
  const cost = 1_500 * 1.25 + 300 * 10;
  const [row] = rows;
  assert.deepEqual(
    [row?.key, row?.requests, row?.inputTokens, row?.outputTokens, row?.costMicros, row?.unpricedRequests],
    ["gemini-2.5-pro", 2, 1_500, 300, cost, 0],
  );
  assert.equal(total.turns, 1);
  assert.equal(days.length, 30);
  assert.equal(days.at(-1)?.costMicros, cost);
  for (const [by, key] of [
    ["person", "operator"],
    ["task", view.id],
    ["agent", "gemini"],
    ["repository", repository],
    ["session", view.sessionId],
  ] as const) {
    const report = await usage.report({ by });
    assert.deepEqual(
      report.rows.map((each) => [each.key, each.costMicros]),
      [[key, cost]],
      by,
    );
    const none = await usage.report({ by: "day", filter: { [by]: "another" } });
    assert.equal(none.total.requests, 0, by);
  }
  const named = await usage.report({ by: "task" });
  assert.equal(named.rows[0]?.name, view.title);
  const shown = await watch.until(({ usage: used }) => used.requests === 2, "the cost in the task");
  assert.deepEqual(
    [shown.usage.inputTokens, shown.usage.costMicros, shown.usage.unpricedRequests],
    [1_500, cost, 0],
  );
});

test("the cost of a model without a price is unknown until it gets one, and then known of earlier calls too", async (t) => {
  if (!needsJail(t)) return;
  const { studio, run } = await start(t);
  const { usage } = studio.client;
  const watch = await run("call house-model 1000 100");
  await watch.status("idle", "failed");
  const before = await untilReport(studio.client, "model", (report) => report.total.requests === 1);
  assert.deepEqual([before.total.costMicros, before.total.unpricedRequests], [0, 1]);
  assert.deepEqual((await usage.prices()).unpriced, [{ model: "house-model", requests: 1 }]);
  await usage.setPrice({ model: "house-model", input: 2, output: 10 });
  const after = await usage.report({ by: "model" });
  assert.deepEqual([after.total.costMicros, after.total.unpricedRequests], [3_000, 0]);
  await watch.until(({ usage: used }) => used.costMicros === 3_000, "the new cost in the task");
  // The gate charges the next call by it.
  await studio.client.task(watch.id).prompt("call house-model 100 0");
  const again = await untilReport(studio.client, "model", (report) => report.total.requests === 2);
  assert.deepEqual([again.total.costMicros, again.total.unpricedRequests], [3_200, 0]);
  const price = (await usage.prices()).prices.find(({ model }) => model === "house-model");
  assert.deepEqual([price?.source, price?.isUsed], ["edited", true]);
  await assert.rejects(usage.setPrice({ model: "", input: 1, output: 1 }), (error) =>
    isErrorCode(error, "usage", "invalid_input"),
  );
});

test("a budget that is used up ends the turn at its next call and refuses the next prompt, until it is raised", async (t) => {
  if (!needsJail(t)) return;
  const { studio, model, repository, run } = await start(t);
  const { usage } = studio.client;
  const budget = {
    id: "all",
    scope: "repository",
    subject: repository,
    period: "month",
    tokens: 1_000,
  } as const;
  await usage.saveBudget(budget);
  const watch = await run("call gemini-2.5-pro 900 50; call gemini-2.5-pro 40 20; call gemini-2.5-pro 1 1");
  const view = await watch.status("idle", "failed");
  assert.deepEqual([view.error?.group, view.error?.code], ["budget", "exceeded"]);
  assert.match(view.error?.message ?? "", /1,010 tokens of 1,000 tokens this month/);
  assert.equal(model.calls(), 2);
  const { uses } = await usage.budgets();
  assert.deepEqual([uses[0]?.state, uses[0]?.tokens], ["exceeded", 1_010]);
  const isExceeded = (error: unknown) => isErrorCode(error, "budget", "exceeded");
  await assert.rejects(studio.client.task(view.id).prompt("call gemini-2.5-pro 1 1"), isExceeded);
  await assert.rejects(run("call gemini-2.5-pro 1 1"), isExceeded);
  await usage.saveBudget({ ...budget, tokens: 2_000 });
  await studio.client.task(view.id).prompt("call gemini-2.5-pro 1 1");
  const done = await watch.until(
    ({ status, usage: used }) => status === "idle" && used.requests === 3,
    "the turn",
  );
  assert.equal(done.error, undefined);
  await usage.deleteBudget("all");
  assert.deepEqual((await usage.budgets()).budgets, []);
});

test("the complete data comes in pages, and invalid questions are refused", async (t) => {
  const folder = temporaryFolder(t);
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    webDirectory: folder,
    runTasks: false,
  });
  t.after(() => studio.close());
  const { usage } = studio.client;
  assert.deepEqual(await usage.records({}), { records: [] });
  const isInvalid = (error: unknown) => isErrorCode(error, "usage", "invalid_input");
  for (const query of [
    { by: "moon" },
    { by: "day", since: "2026-02-30" },
    { by: "day", since: "2026-02-02", until: "2026-02-01" },
    { by: "day", since: "2020-01-01", until: "2026-02-01" },
    { by: "day", limit: 1_001 },
    { by: "day", filter: { day: "2026-02-01" } },
    { by: "day", filter: { person: 1 } },
  ])
    await assert.rejects(usage.report(query as never), isInvalid, JSON.stringify(query));
  await assert.rejects(usage.records({ cursor: "[]" }), isInvalid);
  for (const wrong of [
    { id: "", scope: "task", period: "day", tokens: 1 },
    { id: "a", scope: "moon", period: "day", tokens: 1 },
    { id: "a", scope: "task", period: "day" },
    { id: "a", scope: "task", period: "day", tokens: 0 },
    { id: "a", scope: "task", period: "day", tokens: 1, warnAt: 2 },
  ])
    await assert.rejects(usage.saveBudget(wrong as never), (error) =>
      isErrorCode(error, "budget", "invalid_input"),
    );
});
