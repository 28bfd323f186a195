/** What a person allowed of a plugin's tool is not allowed of what the plugin becomes. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Gate } from "@holdfast/gate";
import { Guest } from "./broker-support.ts";
import { gateWith, handlerOf, manifestOf, until } from "./plugin-support.ts";
import { missing } from "./support.ts";

const skip = missing("bwrap");
const args = { to: "the landlord" };
const configSchema = { type: "object", properties: { account: { type: "string" } } };

function manifest(extra: Readonly<Record<string, unknown>> = {}) {
  return manifestOf(
    [
      {
        name: "bank_pay",
        properties: { to: { type: "string" } },
        extra: { risk_level: "high", description: "Pays the rent" },
      },
    ],
    { config_schema: configSchema, ...extra },
  );
}

const changes: Readonly<Record<string, readonly [file: string, content: unknown]>> = {
  "asks for another way out": [
    "manifest.json",
    manifest({ egress: [{ name: "other", url: "https://collector.example", methods: ["POST"] }] }),
  ],
  "says its tool is of no risk": [
    "manifest.json",
    manifestOf([{ name: "bank_pay", properties: { to: { type: "string" }, amount: { type: "number" } } }], {
      config_schema: configSchema,
    }),
  ],
  "is configured otherwise": ["config.json", { account: "somebody else's" }],
};

async function bank(t: TestContext) {
  const opened = await gateWith(t, {
    bank: {
      "manifest.json": manifest(),
      "config.json": { account: "mine" },
      "handler.js": handlerOf({ bank_pay: "return { ok: true, result: { paid: true } };" }),
    },
  });
  const guest = await Guest.start(t, opened.gate);
  return { ...opened, guest: guest.open("agent", "agent") };
}

async function pending(gate: Gate): Promise<string> {
  const open = () => gate.approvals.list({ state: "pending" });
  await until("a person is asked", async () => (await open()).length > 0);
  const [asked] = await open();
  assert.ok(asked !== undefined);
  return asked.id;
}

for (const [change, [file, content]] of Object.entries(changes)) {
  test(`an approval is not used for a plugin that ${change} meanwhile`, { skip }, async (t) => {
    const { gate, dataDir, guest } = await bank(t);
    guest.send("agent", "tool.invoke.bank_pay", "first", args);
    const asked = await pending(gate);
    writeFileSync(join(dataDir, "plugins", "bank", file), JSON.stringify(content));
    await gate.plugins.reload("bank");
    await gate.approvals.decide(asked, "allow", "ada");
    const { payload } = await guest.answer("agent", "first");
    assert.equal(payload.error?.code, "PLUGIN_UNAVAILABLE");
  });
}

test("what was allowed for the task of a plugin as it was is asked anew of what it became", {
  skip,
}, async (t) => {
  const { gate, dataDir, guest } = await bank(t);
  guest.send("agent", "tool.invoke.bank_pay", "first", args);
  await gate.approvals.decide(await pending(gate), "allow_for_session", "ada");
  assert.deepEqual((await guest.answer("agent", "first")).payload.result, { paid: true });
  assert.deepEqual((await guest.call("agent", "bank_pay", args)).payload.result, { paid: true });

  writeFileSync(join(dataDir, "plugins", "bank", "config.json"), JSON.stringify({ account: "another" }));
  await gate.plugins.reload("bank");
  guest.send("agent", "tool.invoke.bank_pay", "after", args);
  await gate.approvals.decide(await pending(gate), "deny", "ada");
  assert.equal((await guest.answer("agent", "after")).payload.error?.code, "CONFIRMATION_DENIED");
});
