import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedStateProblems } from "./actor-modules.ts";

const path = "packages/studio/src/backend/task.ts";

test("a module of an actor has no variable and no collection that fills", () => {
  for (const line of [
    "let isPrepared = false;",
    "export let count = 0;",
    "const paths = new Map<string, string>();",
    "export const seen: Set<string> = new Set();",
  ])
    assert.equal(sharedStateProblems(path, `import x from "y";\n${line}\n`).length, 1, line);
});

test("constants, locals, tests and other rooms are free", () => {
  const free = 'const names = new Set(["a"]);\nfunction f() {\n  let n = 0;\n  const m = new Map();\n}\n';
  assert.deepEqual(sharedStateProblems(path, free), []);
  assert.deepEqual(sharedStateProblems("packages/studio/src/backend/task.test.ts", "let n = 0;"), []);
  assert.deepEqual(sharedStateProblems("packages/studio/src/jail/snapshot.ts", "let n = 0;"), []);
});
