import assert from "node:assert/strict";
import { test } from "node:test";
import { stepHistory } from "./prompt-history.ts";

test("arrow up goes to older prompts and arrow down back to what was typed", () => {
  const history = ["first", "second"];
  const newest = stepHistory(history, undefined, "typed", "older");
  assert.deepEqual(newest, { place: { index: 1, typed: "typed" }, text: "second" });
  const oldest = stepHistory(history, newest?.place, "second", "older");
  assert.equal(oldest?.text, "first");
  assert.equal(stepHistory(history, oldest?.place, "first", "older"), undefined);
  const back = stepHistory(history, oldest?.place, "first", "newer");
  assert.equal(back?.text, "second");
  assert.deepEqual(stepHistory(history, back?.place, "second", "newer"), { place: undefined, text: "typed" });
  assert.equal(stepHistory(history, undefined, "typed", "newer"), undefined);
});
