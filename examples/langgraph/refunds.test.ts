import assert from "node:assert/strict";
import { after, test } from "node:test";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { Command } from "@langchain/langgraph";
import { setupTest } from "holdfast/test";
import { refundGraph, registry } from "./refunds.ts";

const model = await startMockModel({});
process.env["MODEL_URL"] = `${model.url}/v1`;
after(() => model.close());

test("the draft waits for a person through a crash, and the next one knows what was decided", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const thread = (thread_id: string) => ({ configurable: { thread_id } });
  const complaint = `The lamp came broken. ${scriptPrompt([{ say: "We are sorry, and refund the lamp." }])}`;
  await refundGraph(client).invoke({ customer: "ann", complaint }, thread("first"));
  await crash();
  const graph = refundGraph(client);
  const [task] = (await graph.getState(thread("first"))).tasks;
  assert.equal(task?.interrupts[0]?.value, "We are sorry, and refund the lamp.");
  const { approved } = await graph.invoke(new Command({ resume: true }), thread("first"));
  assert.equal(approved, true);
  await graph.invoke({ customer: "ann", complaint }, thread("second"));
  assert.match(model.requests.at(-1)?.prompt ?? "", /Earlier refunds: .*"approved":true/);
});
