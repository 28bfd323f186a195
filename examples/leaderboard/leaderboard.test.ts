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

test("a first score of nothing counts, and of several at once the best", async (t) => {
  const { client } = await setupTest(t, registry);
  const board = client.leaderboard.getOrCreate(["week-2"]);
  await board.submit("ann", 0);
  await Promise.all([20, 50, 30].map((score) => board.submit("bob", score)));
  assert.deepEqual(await board.top(5), [
    { player: "bob", score: 50 },
    { player: "ann", score: 0 },
  ]);
});

test("what is no score is refused", async (t) => {
  const { client } = await setupTest(t, registry);
  const board = client.leaderboard.getOrCreate(["week-3"]);
  for (const score of [-1, 0.5, Number.NaN, 1_000_000_000]) {
    await assert.rejects(board.submit("eve", score), { group: "user", code: "invalid_score" });
  }
  assert.deepEqual(await board.top(5), []);
});
