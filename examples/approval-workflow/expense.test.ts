import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "holdfast/client";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

function file(client: Client<typeof registry>, name: string) {
  return client.expense.getOrCreate([name], { createWithInput: { amount: 120 } });
}

test("a person's word ends the wait, also after a crash", async (t) => {
  const { client, clock, crash } = await setupTest(t, registry, { paused: true });
  const taxi = file(client, "taxi");
  assert.equal(await taxi.status(), "waiting");
  await clock.advance("1d");
  await crash();
  await taxi.send("decisions", { by: "ann", approved: true });
  await clock.settle();
  assert.equal(await taxi.status(), "paid");
});

test("nobody's word ends it after three days", async (t) => {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  const hotel = file(client, "hotel");
  assert.equal(await hotel.status(), "waiting");
  await clock.advance("4d");
  assert.equal(await hotel.status(), "expired");
});

test("an expense needs an amount", async (t) => {
  const { client } = await setupTest(t, registry);
  await assert.rejects(client.expense.getOrCreate(["gift"]).status(), {
    group: "user",
    code: "amount_missing",
  });
});
