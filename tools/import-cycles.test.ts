import assert from "node:assert/strict";
import { test } from "node:test";
import { importCycles } from "./import-cycles.ts";

test("files that import each other are one circle", () => {
  const imports = new Map([
    ["src/a.ts", ["./b.ts", "node:fs"]],
    ["src/b.ts", ["./deep/c.ts"]],
    ["src/deep/c.ts", ["../a.ts"]],
    ["src/d.ts", ["./a.ts"]],
  ]);
  assert.deepEqual(importCycles(imports), [["src/a.ts", "src/b.ts", "src/deep/c.ts"]]);
});

test("a diamond of imports is no circle", () => {
  const imports = new Map([
    ["a.ts", ["./b.ts", "./c.ts"]],
    ["b.ts", ["./d.ts"]],
    ["c.ts", ["./d.ts"]],
    ["d.ts", []],
  ]);
  assert.deepEqual(importCycles(imports), []);
});
