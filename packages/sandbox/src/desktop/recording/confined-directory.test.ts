import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, realpath, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { makeConfinedDirectory } from "./confined-directory.ts";

test("makes a directory inside of the root, and nothing outside of it", async () => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-confined-")));
  removeAtExit(directory);
  const [root, outside] = [join(directory, "root"), join(directory, "outside")];
  await Promise.all([root, outside].map((path) => mkdir(path)));
  await symlink(outside, join(root, "out"));
  await symlink(join(outside, "new"), join(root, "nowhere"));
  await mkdir(join(root, "real"));
  await symlink(join(root, "real"), join(root, "in"));
  assert.equal(await makeConfinedDirectory(join(root, "a/b"), root), join(root, "a/b"));
  assert.equal(await makeConfinedDirectory(join(root, "in/c"), root), join(root, "real/c"));
  for (const path of [
    "out",
    "out/a",
    "nowhere",
    "nowhere/a",
    "../outside",
    "../root-2",
    "in/../../outside",
  ]) {
    const made = makeConfinedDirectory(join(root, path), root);
    await assert.rejects(made, { code: "permission_denied" }, path);
  }
  assert.deepEqual(await readdir(outside), []);
  assert.deepEqual(await readdir(directory), ["outside", "root"]);
});
