import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearestWord } from "./did-you-mean.ts";

test("a word with one or two typing mistakes gets a suggestion, another word gets none", () => {
  const commands = ["start", "run", "tasks", "restore", "egress"];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["strat", "start"],
    ["task", "tasks"],
    ["restoer", "restore"],
    ["rn", "run"],
    ["egres", "egress"],
    ["dance", undefined],
    ["go", undefined],
    ["", undefined],
  ];
  for (const [word, meant] of cases) assert.equal(nearestWord(word, commands), meant, word);
  assert.equal(didYouMean("strat", commands), " Did you mean start?");
  assert.equal(didYouMean("dance", commands), "");
});
