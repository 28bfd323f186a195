import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ifCacheIsThere } from "./code-cache.ts";

test("a program that makes a code cache starts without it when its folder is gone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-code-cache-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [command, ...args] = ifCacheIsThere(["/bin/sh", "-c", 'echo "$1: $NODE_COMPILE_CACHE"', "sh", "a b"]);
  const started = () =>
    spawnSync(command, args, { encoding: "utf8", env: { ...process.env, NODE_COMPILE_CACHE: folder } })
      .stdout;
  assert.equal(started(), `a b: ${folder}\n`);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
  assert.equal(started(), "a b: \n");
});
