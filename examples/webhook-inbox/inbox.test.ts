import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

const secret = "s3cret";
const sign = (body: string, key = secret): string => createHmac("sha256", key).update(body).digest("hex");

test("a repeated hook is handled once, a forged one never", async (t) => {
  const { client, clock } = await setupTest(t, registry);
  const inbox = client.inbox.getOrCreate(["payments"], { createWithInput: { secret } });
  assert.deepEqual(await inbox.handled(), []);
  const body = JSON.stringify({ id: "evt_1", type: "paid" });
  for (let i = 0; i < 2; i++) {
    const response = await inbox.fetch("/", { method: "POST", body, headers: { "x-signature": sign(body) } });
    assert.equal(response.status, 202);
  }
  const forged = await inbox.fetch("/", { method: "POST", body, headers: { "x-signature": "no" } });
  assert.equal(forged.status, 401);
  await clock.settle();
  assert.deepEqual(await inbox.handled(), ["evt_1"]);
});

test("an inbox that was made without a secret takes nothing", async (t) => {
  const { client } = await setupTest(t, registry);
  const body = JSON.stringify({ id: "evt_1", type: "paid" });
  const headers = { "x-signature": sign(body, "") };
  const response = await client.inbox.getOrCreate(["none"]).fetch("/", { method: "POST", body, headers });
  assert.equal(response.status, 401);
});
