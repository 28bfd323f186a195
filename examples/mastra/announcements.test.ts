import assert from "node:assert/strict";
import { after, test } from "node:test";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { setupTest } from "holdfast/test";
import { announcements, registry } from "./announcements.ts";

process.env["MASTRA_TELEMETRY_DISABLED"] = "1";
const model = await startMockModel({});
process.env["MODEL_URL"] = `${model.url}/v1`;
after(() => model.close());

test("an announcement waits for a person through a crash, and is published when they say so", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const news = scriptPrompt([{ say: "We open on Sundays." }]);
  const written = await (await announcements(client).createRun({ runId: "monday" })).start({
    inputData: { news },
  });
  assert.equal(written.status, "suspended");
  await crash();
  const run = await announcements(client).createRun({ runId: "monday" });
  const done = await run.resume({ step: "decide", resumeData: { approved: true } });
  assert.equal(done.status, "success");
  assert.deepEqual(done.status === "success" && done.result, {
    text: "We open on Sundays.",
    published: true,
  });
});
