import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SnapshotConfig } from "./snapshot.ts";

/** Saves files as editors do, and removes them, without end. */
const restless = `
  const { renameSync, rmSync, writeFileSync } = require("node:fs");
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let at = 0; ; at++) {
    Atomics.wait(pause, 0, 0, 1);
    const path = "file-" + (at % 40) + ".txt";
    writeFileSync(path + ".tmp", "x".repeat(at % 9_000));
    renameSync(path + ".tmp", path);
    if (at % 3 === 0) rmSync(path);
  }
`;

test("a workspace is read while an agent renames and removes its files", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "snapshot-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const workspace = join(folder, "workspace");
  mkdirSync(workspace);
  const git = (...args: readonly string[]): string =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
      cwd: workspace,
      encoding: "utf8",
    }).trim();
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message", "first");
  const base = git("rev-parse", "HEAD");
  const gitDir = join(folder, "host.git");
  git("clone", "--quiet", "--bare", workspace, gitDir);
  writeFileSync(join(workspace, "kept.txt"), "kept\n");
  const agent = spawn(process.execPath, ["--eval", restless], { cwd: workspace, stdio: "ignore" });
  t.after(() => agent.kill("SIGKILL"));
  for (let round = 0; round < 5; round++) {
    const out = join(folder, `out-${round}`);
    mkdirSync(out);
    const config: SnapshotConfig = { gitDir, workspace, out, base };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(import.meta.dirname, "snapshot.ts"), JSON.stringify(config)],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^[0-9a-f]{40}\n$/);
  }
});
