import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, skipsTypeCheck, sourceFiles } from "./workspace.ts";

test("no file of a package switches its type check off", () => {
  for (const text of ["// @ts-nocheck", "/* @ts-ignore */"])
    assert.ok(skipsTypeCheck(`${text}\nconst a = 1;`));
  const packages = sourceFiles().filter((path) => path.startsWith("packages/"));
  assert.ok(packages.length > 1_000);
  assert.deepEqual(
    packages.filter((path) => skipsTypeCheck(readFileSync(join(root, path), "utf8"))),
    [],
  );
});
