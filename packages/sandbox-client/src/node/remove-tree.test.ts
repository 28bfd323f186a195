import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { removeTree } from "./remove-tree.ts";

test("a tree goes whatever its names and permissions are, and what its links lead to stays", async (t) => {
  const base = await mkdtemp(join(tmpdir(), "holdfast-remove-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const [tree, outside] = [join(base, "tree"), join(base, "outside")];
  await mkdir(join(tree, "cache/module"), { recursive: true });
  await mkdir(outside, { mode: 0o755 });
  await writeFile(join(outside, "kept"), "kept");
  await writeFile(join(tree, "cache/module/file"), "read only");
  if (process.platform === "linux") {
    await writeFile(Buffer.concat([Buffer.from(`${tree}/caf`), Buffer.of(0xe9)]), "not UTF-8");
  }
  await symlink(outside, join(tree, "link"));
  await symlink("nowhere", join(tree, "dangling"));
  await chmod(join(tree, "cache/module"), 0o500);
  await chmod(join(tree, "cache"), 0o000);
  await removeTree(tree);
  await assert.rejects(stat(tree), { code: "ENOENT" });
  assert.equal(await readFile(join(outside, "kept"), "utf8"), "kept");
  assert.equal((await stat(outside)).mode & 0o777, 0o755);
  await removeTree(tree);
});

test("a link in the place of the tree goes, and not what it leads to", async (t) => {
  const base = await mkdtemp(join(tmpdir(), "holdfast-remove-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const [tree, outside] = [join(base, "tree"), join(base, "outside")];
  await mkdir(outside, { mode: 0o755 });
  await writeFile(join(outside, "kept"), "kept");
  await symlink(outside, tree);
  await removeTree(tree);
  await assert.rejects(stat(tree), { code: "ENOENT" });
  assert.equal(await readFile(join(outside, "kept"), "utf8"), "kept");
  assert.equal((await stat(outside)).mode & 0o777, 0o755);
});

test("a tree of any depth takes few descriptors", {
  skip: process.platform === "linux" ? false : "on Linux alone directories are entered by descriptors",
}, async (t) => {
  const base = await mkdtemp(join(tmpdir(), "holdfast-remove-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const tree = join(base, "tree");
  const deepest = join(tree, "d/".repeat(600));
  await mkdir(deepest, { recursive: true });
  await writeFile(join(deepest, "file"), "at the bottom");
  await chmod(join(tree, "d/".repeat(300)), 0o000);
  const program = `
    import { removeTree } from ${JSON.stringify(new URL("remove-tree.ts", import.meta.url))};
    await removeTree(${JSON.stringify(tree)});
  `;
  const node = [process.execPath, "--input-type=module", "--eval", program];
  await promisify(execFile)("sh", ["-c", 'ulimit -n 256 && exec "$@"', "sh", ...node]);
  await assert.rejects(stat(tree), { code: "ENOENT" });
});
