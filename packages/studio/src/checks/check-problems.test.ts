import assert from "node:assert/strict";
import { test } from "node:test";
import { problemsOf } from "./check-problems.ts";

const places = (output: string) =>
  problemsOf(output, "/workspace").map(({ path, line, message }) => [path, line, message]);

test("compilers, linters, test runners and stack traces name places", () => {
  assert.deepEqual(places("src/a.ts(3,5): error TS2322: Type 'x' is wrong."), [
    ["src/a.ts", 3, "error TS2322: Type 'x' is wrong."],
  ]);
  assert.deepEqual(places("\u001b[96msrc/a.ts\u001b[0m:\u001b[93m3\u001b[0m:5 - error TS1: no"), [
    ["src/a.ts", 3, "error TS1: no"],
  ]);
  assert.deepEqual(
    places("/workspace/src/a.js\n  3:5  error  'x' is unused  no-unused-vars\n  9:1  warning  y"),
    [
      ["src/a.js", 3, "error  'x' is unused  no-unused-vars"],
      ["src/a.js", 9, "warning  y"],
    ],
  );
  assert.deepEqual(places("    at sum (/workspace/src/sum.js:12:9)\n    at run (node:internal/x:1:2)"), [
    ["src/sum.js", 12, "    at sum (/workspace/src/sum.js:12:9)".trim()],
  ]);
  assert.deepEqual(places('AssertionError\n  File "/workspace/t/test_a.py", line 7, in test_a'), [
    ["t/test_a.py", 7, 'File "/workspace/t/test_a.py", line 7, in test_a'],
  ]);
  assert.deepEqual(places("error[E0308]: mismatched types\n --> src/main.rs:4:18"), [
    ["src/main.rs", 4, "error[E0308]: mismatched types"],
  ]);
  assert.deepEqual(places("main.go:10:2: undefined: x\n./b/c.go:3: missing return"), [
    ["main.go", 10, "undefined: x"],
    ["b/c.go", 3, "missing return"],
  ]);
  assert.deepEqual(places("  location: 'file:///workspace/test/a.test.mjs:5:1'"), [
    ["test/a.test.mjs", 5, "location: 'file:///workspace/test/a.test.mjs:5:1'"],
  ]);
});

test("a place has its column, if the output names one", () => {
  const columns = (output: string) =>
    problemsOf(output, "/workspace").map(({ path, line, column }) => [path, line, column]);
  assert.deepEqual(
    columns("src/a.ts(3,5): error TS1: no\nsrc/b.ts:4:2 lint/style/useConst ━━━\nc.py:7: AssertionError"),
    [
      ["src/a.ts", 3, 5],
      ["src/b.ts", 4, 2],
      ["c.py", 7, undefined],
    ],
  );
  assert.deepEqual(
    columns("/workspace/d.js\n  9:11  error  x\n --> src/main.rs:4:18\n    main_test.go:12: bad"),
    [
      ["d.js", 9, 11],
      ["src/main.rs", 4, 18],
      ["main_test.go", 12, undefined],
    ],
  );
});

test("hostile output names nothing outside of the workspace, and takes no time", () => {
  const hostile = [
    "a".repeat(200_000),
    `${"a/".repeat(60_000)}b.ts:1:1`,
    "(".repeat(100_000),
    "x.ts:99999999999:1",
  ];
  const began = process.cpuUsage();
  for (const line of hostile) problemsOf(line, "/workspace");
  assert.ok(process.cpuUsage(began).user < 5_000_000);
  assert.deepEqual(
    columnsOf("../../etc/passwd.txt:1:1\n/etc/hosts.txt:1\n./../x.ts:1:1\nfile:///etc/a.ts:1:1"),
    [],
  );
});

function columnsOf(output: string): readonly unknown[] {
  return problemsOf(output, "/workspace");
}

test("a line of a file counts once; packages and other places do not", () => {
  assert.deepEqual(
    places("a.ts:1:2 x\na.ts:1:9 y\nnode_modules/b/c.js:1:1\n/etc/d.js:1:1\n../e.js:2:2\n12:30:45"),
    [["a.ts", 1, "x"]],
  );
  assert.equal(places(Array.from({ length: 80 }, (_, line) => `a.ts:${line + 1}:1 x`).join("\n")).length, 50);
});
