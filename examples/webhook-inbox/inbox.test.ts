import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

const secret = "s3cret";
const sign = (body: string): string => createHmac("sha256", secret).update(body).digest("hex");

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
