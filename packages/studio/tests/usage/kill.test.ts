import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { makeRepository, needsJail, ServerProcess, temporaryFolder, Watch } from "../support.ts";
import { modelEnvironment, startModel, untilReport } from "./support.ts";

test("kill -9 during a model call: it counts once, with an unknown cost, and the turn is the same turn", async (t) => {
  if (!needsJail(t)) return;
  const folder = temporaryFolder(t);
  const model = await startModel(t);
  const repository = makeRepository(folder);
  const environment = modelEnvironment(folder, model);
  const data = join(folder, "data");
  const server = await ServerProcess.start(t, data, undefined, environment);
  const prompt = "call gemini-2.5-pro 1000 100; call held 10 10";
  const { id } = await server.client.organization.createTask({ repository, agent: "gemini", prompt });
  await model.held();
  await server.kill();
  model.release();
  const next = await ServerProcess.start(t, data, server.cookie, environment);
  const watch = await Watch.open(next.client, id);
  t.after(() => watch.close());
  // The prompt goes on from its beginning: this agent keeps nothing.
  await model.held();
  model.release();
  await watch.status("idle", "failed");
  const { total } = await untilReport(next.client, "day", (report) => report.total.requests >= 4);
  assert.equal(total.requests, 4);
  assert.equal(total.turns, 1);
  assert.equal(total.inputTokens, 2_010);
  // The interrupted call, and the one of the model without a price.
  assert.equal(total.unpricedRequests, 2);
  const { unpriced } = await next.client.usage.prices();
  assert.deepEqual(unpriced.map(({ model: name, requests }) => [name, requests]).toSorted(), [
    ["", 1],
    ["held", 1],
  ]);
  // Sandboxes of both processes ran for some time; a kill may hide up to ten seconds of it.
  await next.stop();
  const last = await ServerProcess.start(t, data, server.cookie, environment);
  const report = await last.client.usage.report({ by: "day" });
  assert.equal(report.total.requests, 4);
  assert.ok(report.total.sandboxMs > 0);
  await last.stop();
});
