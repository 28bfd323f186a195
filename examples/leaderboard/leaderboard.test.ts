import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("the best come first, and only a player's best counts", async (t) => {
  const { client } = await setupTest(t, registry);
  const board = client.leaderboard.getOrCreate(["week-1"]);
  await board.submit("ann", 30);
  await board.submit("bob", 50);
  await board.submit("ann", 70);
  await board.submit("ann", 10);
  assert.deepEqual(await board.top(5), [
    { player: "ann", score: 70 },
    { player: "bob", score: 50 },
  ]);
});
