import assert from "node:assert/strict";
import { test } from "node:test";
import { eventText, lineEvent } from "./report.ts";
import { readCompilerOutput } from "./type-check.ts";

const plain = { write: () => undefined, color: false };
const at = new Date(2026, 0, 1, 14, 3, 22);

test("a record of the logger is one readable line, with the stack of its error below", () => {
  const line = JSON.stringify({
    ...{ level: "error", message: "an action failed", time: 1, actor: "counter", attempt: 2 },
    error: "Error: no\n    at add (actors.ts:3:1)",
  });
  const event = lineEvent("stderr", line);
  assert.equal(
    eventText(event, plain, at),
    "14:03:22 error an action failed actor=counter attempt=2\n  Error: no\n      at add (actors.ts:3:1)",
  );
});

test("what a program prints itself stays as it is, and what it logs is not obeyed by a terminal", () => {
  assert.equal(eventText(lineEvent("stdout", '{"level": 1}'), plain, at), '{"level": 1}');
  assert.equal(eventText(lineEvent("stderr", '{"level":broken'), plain, at), '{"level":broken');
  const bell = lineEvent("stderr", JSON.stringify({ level: "info", message: "a\u0007b", time: 1 }));
  assert.equal(eventText(bell, plain, at), "14:03:22 info a\\u0007b");
});

test("a program that cannot be loaded, because its packages are missing, says what to run", () => {
  const text = "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'hono' imported from /shop/src/app.ts";
  const problem = { title: "The newest version cannot be loaded.", text };
  assert.equal(
    eventText({ type: "failed", problem, isServed: false }, plain, at),
    "14:03:22 The newest version cannot be loaded. Nothing answers until it is mended and saved. " +
      "The package hono is not installed here. Run: npm install",
  );
});

test("what the compiler prints becomes problems and files", () => {
  const { problems, files } = readCompilerOutput(
    [
      "src/actors.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
      "src/actors.ts(9,1): error TS2345: Argument of type '{}' is not assignable.",
      "  Property 'id' is missing.",
      "/project/src/actors.ts",
    ].join("\n"),
  );
  assert.equal(problems.length, 2);
  assert.deepEqual(problems[1], {
    ...{ file: "src/actors.ts", line: 9, column: 1, code: "TS2345" },
    message: "Argument of type '{}' is not assignable.\n  Property 'id' is missing.",
  });
  assert.deepEqual(files, ["/project/src/actors.ts"]);
  assert.match(
    eventText({ type: "types", problems }, plain, at),
    /^14:03:22 types 2 errors\n {2}src\/actors\.ts:3:7 TS2322 /,
  );
});
