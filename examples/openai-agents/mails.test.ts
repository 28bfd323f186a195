import assert from "node:assert/strict";
import { after, test } from "node:test";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { setupTest } from "holdfast/test";
import { decide, outbox, registry, talk } from "./mails.ts";

const model = await startMockModel({});
process.env["OPENAI_BASE_URL"] = `${model.url}/v1`;
after(() => model.close());

test("a mail waits for a person through a crash, and is sent or not as they decide", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const mail = { to: "ann@example.com", text: "Your invoice" };
  const wish = scriptPrompt([
    { call: { server: "mail", tool: "send", arguments: mail } },
    { say: "As you wish." },
  ]);
  assert.deepEqual(await talk(client, "ann", wish), { waiting: [JSON.stringify(mail)] });
  await talk(client, "bob", wish);
  await crash();
  assert.deepEqual(outbox, []);
  assert.deepEqual(await decide(client, "ann", true), { answer: "As you wish." });
  assert.deepEqual(await decide(client, "bob", false), { answer: "As you wish." });
  assert.deepEqual(outbox, [mail]);
  assert.deepEqual(await decide(client, "ann", true), { answer: "Nothing waits for a decision." });
});
