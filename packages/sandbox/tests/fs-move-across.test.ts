import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { field, startSandbox, temporary } from "./harness.ts";

const elsewhere = "/dev/shm";
const skip = existsSync(elsewhere) ? false : "needs a second file system";

/** Two directories on different file systems, with content to move. */
async function twoFileSystems(t: TestContext) {
  const here = await temporary(t);
  const there = await mkdtemp(join(elsewhere, "holdfast-move-"));
  t.after(() => rm(there, { recursive: true, force: true }));
  assert.notEqual((await stat(here)).dev, (await stat(there)).dev);
  const { fetch, url } = await startSandbox(t);
  const move = async (from: string, to: string, overwrite = false) => {
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const body = JSON.stringify({ from, to, overwrite });
    const response = await fetch(`${url}/v1/fs/move`, { ...init, body });
    return { status: response.status, body: await response.json() };
  };
  return { here, there, move };
}

async function tree(at: string): Promise<void> {
  await mkdir(join(at, "folder", "empty"), { recursive: true });
  await writeFile(join(at, "folder", "script"), "run", { mode: 0o755 });
  await symlink("script", join(at, "folder", "link"));
  await symlink("/nowhere", join(at, "dangling"));
  await chmod(join(at, "folder"), 0o750);
  for (const path of [join(at, "folder", "script"), join(at, "folder"), at]) await utimes(path, 1_000, 2_000);
}

async function checkTree(at: string): Promise<void> {
  assert.deepEqual((await readdir(at, { recursive: true })).sort(), [
    "dangling",
    "folder",
    "folder/empty",
    "folder/link",
    "folder/script",
  ]);
  assert.equal(await readFile(join(at, "folder", "link"), "utf8"), "run");
  assert.equal(await readlink(join(at, "folder", "link")), "script");
  assert.equal(await readlink(join(at, "dangling")), "/nowhere");
  const [script, folder] = [await stat(join(at, "folder", "script")), await stat(join(at, "folder"))];
  assert.deepEqual([script.mode & 0o777, folder.mode & 0o777], [0o755, 0o750]);
  for (const found of [script, folder, await stat(at)]) assert.equal(found.mtimeMs, 2_000_000);
}

describe("moves to another file system", { skip }, () => {
  test("a directory, a file and a link are moved completely", async (t) => {
    const { here, there, move } = await twoFileSystems(t);
    await tree(join(here, "tree"));
    await symlink("anything", join(here, "link"));
    await writeFile(join(here, "file"), "content");
    assert.equal((await move(join(here, "tree"), join(there, "made", "tree"))).status, 200);
    assert.equal((await move(join(here, "link"), join(there, "link"))).status, 200);
    assert.equal((await move(join(here, "file"), join(there, "file"))).status, 200);
    await checkTree(join(there, "made", "tree"));
    assert.equal(await readlink(join(there, "link")), "anything");
    assert.equal(await readFile(join(there, "file"), "utf8"), "content");
    assert.deepEqual(await readdir(here), []);
    assert.deepEqual((await readdir(there)).sort(), ["file", "link", "made"]);
    assert.deepEqual(await readdir(join(there, "made")), ["tree"]);
  });

  test("an existing destination is replaced only with overwrite", async (t) => {
    const { here, there, move } = await twoFileSystems(t);
    await tree(join(here, "tree"));
    await mkdir(join(there, "tree"));
    await writeFile(join(there, "tree", "old"), "");
    await writeFile(join(there, "file"), "old");
    assert.equal((await move(join(here, "tree"), join(there, "tree"))).status, 400);
    await checkTree(join(here, "tree"));
    assert.deepEqual(await readdir(join(there, "tree")), ["old"]);
    assert.equal((await move(join(here, "tree"), join(there, "tree"), true)).status, 200);
    await checkTree(join(there, "tree"));
    assert.equal((await move(join(there, "file"), join(here, "file"))).status, 200);
    assert.equal((await move(join(there, "tree"), join(here, "file"), true)).status, 200);
    await checkTree(join(here, "file"));
    assert.deepEqual([await readdir(here), await readdir(there)], [["file"], []]);
  });

  test("a failed move leaves both sides unchanged and reports the reason", async (t) => {
    const { here, there, move } = await twoFileSystems(t);
    await tree(join(here, "tree"));
    execFileSync("mkfifo", [join(here, "tree", "folder", "pipe")]);
    await writeFile(join(there, "tree"), "old");
    const refused = await move(join(here, "tree"), join(there, "tree"), true);
    assert.equal(refused.status, 400);
    assert.match(
      String(field(refused.body, "detail")),
      /a pipe or a device cannot be moved to another file system/,
    );
    assert.equal(await readFile(join(there, "tree"), "utf8"), "old");
    assert.deepEqual(await readdir(there), ["tree"]);
    await rm(join(here, "tree", "folder", "pipe"));
    await utimes(join(here, "tree", "folder"), 1_000, 2_000);
    await checkTree(join(here, "tree"));
  });
});
