/** The programs of the reference pages run as they are written, on a data directory that is new. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missing, temporaryDirectory } from "./support.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function programsOf(page: string): string[] {
  const text = readFileSync(join(root, "docs/reference", page), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

test("the programs of policy.md run on a new data directory, and write nowhere else", {
  skip: missing("bwrap"),
}, (t) => {
  const programs = programsOf("policy.md");
  assert.ok(programs.length > 0);
  for (const program of programs) {
    assert.doesNotMatch(program, /dataDir: "\//);
    const directory = temporaryDirectory(t);
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    writeFileSync(join(directory, "program.mts"), program);
    const { status, stderr } = spawnSync(process.execPath, ["program.mts"], {
      ...{ cwd: directory, encoding: "utf8", timeout: 60_000 },
    });
    assert.equal(status, 0, stderr);
  }
});
