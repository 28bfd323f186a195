import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("tenants are apart, and their rows survive a crash", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const acme = client.tenant.getOrCreate(["acme"]);
  await acme.bill("Ann", 1_000);
  await acme.bill("Ann", 500);
  await acme.bill("Bob", 200);
  await acme.pay(1);
  await crash();
  assert.deepEqual(await acme.open(), [
    { customer: "Ann", cents: 500 },
    { customer: "Bob", cents: 200 },
  ]);
  assert.deepEqual(await client.tenant.getOrCreate(["other"]).open(), []);
});
