import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "holdfast-group-"));
after(() => rmSync(folder, { recursive: true }));

// A file, as the runner hands the options of its own process on to those of the tests.
const program = join(folder, "run.mjs");
writeFileSync(
  program,
  `import { runProcess } from ${JSON.stringify(new URL("run-process.ts", import.meta.url).href)};
  const reports = await runProcess(...JSON.parse(process.argv[2]));
  console.error(JSON.stringify(reports.map(({ name, ok, passed, failed }) => ({ name, ok, passed, failed }))));
  process.exit();`,
);

const passing = `test("passes", () => {});`;
/** The shorter one is for what needs it to end. */
const [patient, impatient] = [60_000, 10_000];

/** What the runner prints about a group of these files, and which of its reports are not ok. */
async function runGroup(files: Readonly<Record<string, string>>, processMs = patient) {
  const runs = Object.entries(files).map(([name, source]) => {
    const path = join(folder, name);
    writeFileSync(path, `import { before, beforeEach, test } from "node:test";\n${source}\n`);
    return { path, name, store: "sqlite" };
  });
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = JSON.stringify([
    { name: "the group", runs },
    { testMs: 3_000, processMs, lingerMs: 1_000 },
  ]);
  const child = spawn(process.execPath, [program, args], { env });
  const [printed, reports] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { printed, reports: JSON.parse(reports) as { readonly name: string; readonly ok: boolean }[] };
}

function failedNames(reports: readonly { readonly name: string; readonly ok: boolean }[]): readonly string[] {
  return reports.flatMap(({ name, ok }) => (ok ? [] : [name])).sort();
}

describe("files that share a process", { concurrency: true }, () => {
  test("are reported one by one, with hooks of their own, also those that fail", async () => {
    const { printed, reports } = await runGroup({
      "hooks.test.mjs": `let hooks = 0;
        before(() => hooks++); beforeEach(() => hooks++);
        test("has both", () => { if (hooks !== 2) throw new Error("hooks: " + hooks); });
        test("is left out", { skip: "a reason" }, () => {});`,
      "fails.test.mjs": `test("fails", () => { throw new Error("broken"); });\n${passing}`,
      "absent.test.mjs": `import "./missing.mjs";`,
      "hangs.test.mjs": `test("hangs", (t) => {
          const timer = setInterval(() => {}, 1_000);
          t.after(() => clearInterval(timer));
          return new Promise(() => {});
        });`,
      "sets.test.mjs": `test("sets", () => { process.env.LEFT = "1"; });`,
      "moves.test.mjs": `test("moves", () => process.chdir("/"));`,
      "other.test.mjs": `await test("alone", () => {});\n${passing}`,
    });
    assert.deepEqual(reports, [
      { name: "hooks.test.mjs", ok: true, passed: 1, failed: 0 },
      { name: "fails.test.mjs", ok: false, passed: 1, failed: 1 },
      { name: "absent.test.mjs", ok: false, passed: 0, failed: 1 },
      { name: "hangs.test.mjs", ok: false, passed: 0, failed: 1 },
      { name: "sets.test.mjs", ok: false, passed: 1, failed: 1 },
      { name: "moves.test.mjs", ok: false, passed: 1, failed: 1 },
      { name: "other.test.mjs", ok: true, passed: 2, failed: 0 },
    ]);
    assert.match(printed, /^ok hooks\.test\.mjs \(1 passed, 0 failed, 1 skipped, /m);
    assert.match(printed, /^FAILED .*fails\.test\.mjs:2 fails\nError: broken/m);
    assert.match(printed, /missing\.mjs/);
    assert.match(printed, /environment variables changed: LEFT/);
    assert.match(printed, /another working directory/);
  });

  const fatal: Readonly<Record<string, readonly [source: string, processMs: number]>> = {
    "that ends the process": [`test("exits", () => process.exit(3));`, patient],
    "that never lets it look at its clock": [
      `test("blocks", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`,
      impatient,
    ],
    "that keeps it alive": [`setInterval(() => {}, 1_000);\n${passing}`, impatient],
  };
  for (const [what, [source, processMs]] of Object.entries(fatal)) {
    test(`a file ${what} is named, and the others pass`, async () => {
      const key = Object.keys(fatal).indexOf(what);
      const files = {
        [`${key}-first.test.mjs`]: passing,
        [`${key}-fatal.test.mjs`]: source,
        [`${key}-last.test.mjs`]: passing,
      };
      const { printed, reports } = await runGroup(files, processMs);
      assert.equal(reports.length, 3, printed);
      assert.deepEqual(failedNames(reports), [`${key}-fatal.test.mjs`], printed);
      assert.match(printed, new RegExp(`not ok ${key}-fatal`));
      if (what === "that keeps it alive")
        assert.match(printed, /1000 ms after its last test, kept by: .*Timeout/);
    });
  }

  test("fail as a group when their process ends badly, and none of them does so alone", async () => {
    const { reports } = await runGroup({
      "once.test.mjs": `import { existsSync, writeFileSync } from "node:fs";
        test("ends it once", () => {
          const mark = new URL("mark", import.meta.url);
          if (existsSync(mark)) return;
          writeFileSync(mark, "");
          process.exit(3);
        });`,
      "after.test.mjs": passing,
    });
    assert.deepEqual(failedNames(reports), ["the group"]);
  });
});
