import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DirectoryChain, listFlags, maxOpenDirectories } from "./directory-chain.ts";

const levels = 3 * maxOpenDirectories;
const isLinux = process.platform === "linux";

/** A chain at the deepest directory of a tree. Each directory contains a file named after its depth. */
async function deepChain(t: TestContext): Promise<{ chain: DirectoryChain; tree: string; outside: string }> {
  const scratch = await mkdtemp(join(tmpdir(), "holdfast-chain-"));
  t.after(() => rm(scratch, { recursive: true, force: true }));
  const [tree, outside] = [join(scratch, "tree"), join(scratch, "outside")];
  await mkdir(join(outside, "secret"), { recursive: true });
  await mkdir(tree);
  for (let at = tree, depth = 1; depth <= levels; depth += 1, at = join(at, "d")) {
    await mkdir(join(at, "d"));
    await writeFile(join(at, String(depth)), "");
  }
  const chain = await DirectoryChain.open(tree, listFlags);
  t.after(() => chain.close());
  while (chain.depth < levels) await chain.enter("d");
  return { chain, tree, outside };
}

const at = (tree: string, depth: number) => join(tree, ...Array.from({ length: depth - 1 }, () => "d"));
const openNow = async () => (await readdir("/proc/self/fd")).length;

describe("a chain of directories", { skip: isLinux ? false : "descriptors are used on Linux only" }, () => {
  test("uses few descriptors at any depth and returns to each directory", async (t) => {
    const before = await openNow();
    const { chain } = await deepChain(t);
    assert.ok((await openNow()) <= before + maxOpenDirectories);
    assert.equal(chain.relative("x").split("/").length, levels);
    for (let depth = levels; depth > 1; depth -= 1) {
      assert.deepEqual((await readdir(chain.currentPath)).sort(), [String(depth), "d"]);
      await chain.leave();
    }
    assert.deepEqual((await readdir(chain.currentPath)).sort(), ["1", "d"]);
    await chain.close();
    assert.equal(await openNow(), before);
  });

  test("leaving a directory that was moved away does not follow it to its new parent", async (t) => {
    const { chain, tree, outside } = await deepChain(t);
    const depth = levels - maxOpenDirectories + 1;
    await rename(at(tree, depth + 1), join(outside, "d"));
    while (chain.depth > depth) await chain.leave();
    assert.deepEqual(await readdir(chain.currentPath), [String(depth)]);
    await chain.leave();
    assert.deepEqual((await readdir(chain.currentPath)).sort(), [String(depth - 1), "d"]);
  });

  test("a directory that was replaced by another or by a link no longer exists, and its parent still does", async (t) => {
    const { chain, tree, outside } = await deepChain(t);
    const depth = levels - maxOpenDirectories + 1;
    await rename(at(tree, depth + 1), join(outside, "d"));
    await rm(join(at(tree, depth), String(depth)));
    await rmdir(at(tree, depth));
    await symlink(outside, at(tree, depth));
    while (chain.depth > depth + 1) await chain.leave();
    await assert.rejects(chain.leave(), { code: "ENOENT" });
    assert.throws(() => chain.currentPath, { code: "ENOENT" });
    await chain.leave();
    assert.deepEqual((await readdir(chain.currentPath)).sort(), [String(depth - 1), "d"]);
  });
});
