import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("one report a day, at eight in Berlin", async (t) => {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  const site = client.report.getOrCreate(["site"]);
  await site.visit();
  await site.visit();
  await clock.advance("3d");
  const sent = await site.sent();
  assert.equal(sent.length, 3);
  assert.deepEqual(
    sent.map(({ visits }) => visits),
    [2, 0, 0],
  );
  for (const { day } of sent) {
    const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", timeZone: "Europe/Berlin" }).format(day);
    assert.equal(hour, "08");
  }
});
