import assert from "node:assert/strict";
import { after, test } from "node:test";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

const model = await startMockModel({});
process.env["MODEL_URL"] = `${model.url}/v1`;
after(() => model.close());

test("the answer streams to who watches, and is remembered", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const handle = client.agent.getOrCreate(["ann"]);
  const conn = handle.connect();
  const tokens: string[] = [];
  conn.on("token", (token) => tokens.push(token));
  await conn.history();
  const question = scriptPrompt([{ slow: { text: "Forty-two, of course.", pieces: 5, delayMs: 1 } }]);
  assert.equal(await conn.ask(question), "Forty-two, of course.");
  assert.ok(tokens.length > 1);
  assert.equal(tokens.join(""), "Forty-two, of course.");
  await crash();
  assert.deepEqual(
    (await handle.history()).map(({ role }) => role),
    ["user", "assistant"],
  );
});

test("a model that fails is told as that", async (t) => {
  const { client } = await setupTest(t, registry);
  const question = scriptPrompt([{ fail: { status: 500 } }]);
  await assert.rejects(client.agent.getOrCreate(["bob"]).ask(question), {
    group: "user",
    code: "model_failed",
  });
});
