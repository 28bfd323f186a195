import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("a player who steers moves, and everybody sees it", async (t) => {
  const { client } = await setupTest(t, registry);
  const ann = client.game.getOrCreate(["arena"]).connect({ name: "ann" });
  const bob = client.game.getOrCreate(["arena"]).connect({ name: "bob" });
  const seen = new Promise<void>((resolve) => {
    bob.on("world", (world) => {
      if ((world["ann"] ?? 0) >= 3) resolve();
    });
  });
  await bob.ready;
  await ann.steer(5);
  await seen;
  assert.ok((await bob.ticks()) >= 3);
});
