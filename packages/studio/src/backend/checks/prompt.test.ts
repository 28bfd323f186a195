import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckRun } from "../../contract/checks.ts";
import { studioLimits } from "../../limits.ts";
import { checkPrompt } from "./prompt.ts";

const output = "\u001b[31mwrong\u001b[0m ``` here\n";
const run: CheckRun = {
  ...{ id: "r", state: "failed", createdAt: 1, problems: [], reason: "exit code 1" },
  ...{ output, outputEnd: output.length },
};

test("a failure has its command and its output, in fences that it cannot close", () => {
  assert.equal(
    checkPrompt("test", "npm test\n", run),
    'The check "test" failed (exit code 1). Its command is:\n\n````sh\nnpm test\n````\n\n' +
      "Its output:\n\n````\nwrong ``` here\n````\n\nFind the cause, correct it, and make the check pass.",
  );
});

test("a long output is cut, and a check without one says so", () => {
  const long = checkPrompt("t", "x", { ...run, output: "y".repeat(16_000), outputEnd: 90_000 });
  assert.match(long, /The end of its output/);
  assert.ok(long.length < studioLimits.maxCheckPrompt + 300);
  const late = checkPrompt("t", "x", { ...run, state: "timed-out", output: "", outputEnd: 0 });
  assert.match(late, /did not end in time[\s\S]*It wrote nothing/);
});
