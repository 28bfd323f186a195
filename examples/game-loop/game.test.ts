import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { pause, registry } from "./actors.ts";

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

test("a tick leaves nothing behind, and the end of the actor cuts it short", async () => {
  const ending = new AbortController();
  await pause(1, ending.signal);
  assert.equal(getEventListeners(ending.signal, "abort").length, 0);
  const long = pause(60_000, ending.signal);
  ending.abort();
  await long;
});
