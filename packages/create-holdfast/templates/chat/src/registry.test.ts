import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./registry.ts";

test("the assistant answers, and the conversation survives a crash", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const chat = client.assistant.getOrCreate("ann");
  const { text } = await chat.ask('Use the tool `order` with {"number":1001}');
  assert.match(text, /on its way/);
  await crash();
  const messages = await chat.messages();
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant"],
  );
});
