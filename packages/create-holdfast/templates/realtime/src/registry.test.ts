import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./registry.ts";

test("a vote reaches everyone who watches", async (t) => {
  const { client } = await setupTest(t, registry);
  const dinner = client.poll.getOrCreate("dinner");
  const watching = dinner.connect();
  await watching.suggest("Soup");
  const seen = new Promise((resolve) => watching.on("changed", resolve));
  await watching.options();
  await dinner.vote("Soup");
  assert.deepEqual(await seen, [{ text: "Soup", votes: 1 }]);
});

test("a vote for nothing is refused", async (t) => {
  const { client } = await setupTest(t, registry);
  await assert.rejects(client.poll.getOrCreate("dinner").vote("Stones"), { code: "no_option" });
});
