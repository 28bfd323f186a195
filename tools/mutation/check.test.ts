import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Check, makeScratch, partOf, removeScratch, runCheck } from "./check.ts";

/** A test file of the given text, and a place for what its runs leave behind. */
function fileOf(t: TestContext, text: string) {
  const directory = makeScratch(join(tmpdir(), "hm-"));
  t.after(() => removeScratch(directory));
  const path = join(directory, "some.test.mjs");
  writeFileSync(path, `import { describe, test } from "node:test";\n${text}`);
  const run = (check: Check, timeoutMs = 20_000) => runCheck(check, { timeoutMs, directory });
  return { check: { test: path }, run };
}

test("the first red test ends a check and is named as it is", async (t) => {
  const { check, run } = fileOf(
    t,
    `test("fine", () => {});
     describe("group", () => {
       test("costs $5 (a#b) \\\\ more", () => { throw new Error("red"); });
       test("never comes", () => new Promise((resolve) => setTimeout(resolve, 60_000)));
     });`,
  );
  const { red, test: name, late } = await run(check);
  assert.deepEqual([red === undefined, name, late], [false, "costs $5 (a#b) \\ more", false]);
  const alone = await run(partOf(check, "costs $5 (a#b) \\ more"));
  assert.equal(alone.test, name);
});

test("a part of a check is one test of it, also beside a choice of its own", async (t) => {
  const { check, run } = fileOf(
    t,
    `for (const group of ["one", "two"]) describe(group, () => {
       test("same", () => { if (group === "two") throw new Error("red"); });
       test("same again", () => { throw new Error("another"); });
     });`,
  );
  assert.equal((await run(partOf({ ...check, only: "^one" }, "same"))).red, undefined);
  assert.equal((await run(partOf({ ...check, only: "^two" }, "same"))).test, "same");
  assert.equal((await run(partOf(check, "gone"))).red, "no test was run");
  assert.deepEqual(partOf({ attacks: ["a", "b"] }, "b"), { attacks: ["b"] });
});

test("a test that does not end is named, and late", async (t) => {
  const { check, run } = fileOf(
    t,
    `test("fine", () => {});
     test("hangs", () => new Promise((resolve) => setTimeout(resolve, 60_000)));`,
  );
  const { test: name, late, milliseconds } = await run(check, 1_500);
  assert.deepEqual([name, late], ["hangs", true]);
  assert.ok(milliseconds < 30_000);
});
