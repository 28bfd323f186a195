import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleText } from "./visible-text.ts";

test("hidden characters are made visible", () => {
  assert.equal(visibleText("rm \u202e-rf"), "rm ⟨U+202E⟩-rf");
  assert.equal(visibleText("a\u200bb\u0007"), "a⟨U+200B⟩b⟨U+0007⟩");
  assert.equal(visibleText("\u{e0041}"), "⟨U+E0041⟩");
  assert.equal(visibleText("end\r\n"), "end␍\n");
});

test("ordinary text is unchanged", () => {
  const text = "tab\tline\nüñï 漢字 العربية 🙂 a\u0301";
  assert.equal(visibleText(text), text);
});
