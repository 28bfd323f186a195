import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { field, startSandbox, temporary } from "./harness.ts";

async function trees(home: string): Promise<void> {
  for (const name of ["old", "new"]) {
    await mkdir(join(home, name, "src", ".git"), { recursive: true });
    await writeFile(join(home, name, "same.txt"), "same\n");
    await writeFile(join(home, name, "src/.git/config"), name);
    await writeFile(join(home, name, "binary"), `\0${name}`);
    await writeFile(join(home, name, "large"), name.repeat(400_000));
    await writeFile(join(home, name, "run.sh"), "echo\n");
    await symlink(name, join(home, name, "link"));
  }
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}\n`);
  await writeFile(join(home, "old/src/changed.txt"), lines.join(""));
  lines[3] = "changed\n";
  await writeFile(join(home, "new/src/changed.txt"), `${lines.join("")}no newline`);
  await writeFile(join(home, "old/gone.txt"), "gone\n");
  await writeFile(join(home, "new/came\t.txt"), "came\n");
  await chmod(join(home, "new/run.sh"), 0o755);
  await writeFile(join(home, "old/turned"), "was a file\n");
  await mkdir(join(home, "new/turned"));
  await writeFile(join(home, "new/turned/inside"), "now a directory\n");
}

test("the patch of two trees turns one into the other", async (t) => {
  const sandbox = await startSandbox(t);
  const { home } = sandbox;
  await trees(home);
  const agent = await SandboxAgent.connect({ baseUrl: sandbox.url, fetch: sandbox.fetch });
  t.after(() => agent.dispose());
  const { files, truncated } = await agent.diffFs({ from: "old", to: "new" });
  assert.equal(truncated, false);
  assert.deepEqual(
    files.map(({ path, status, additions, deletions, omitted }) => [
      path,
      status,
      additions ?? omitted,
      deletions,
    ]),
    [
      ["binary", "modified", "binary", undefined],
      ["came\t.txt", "added", 1, 0],
      ["gone.txt", "deleted", 0, 1],
      ["large", "modified", "too_large", undefined],
      ["link", "modified", 1, 1],
      ["run.sh", "modified", 0, 0],
      ["src/changed.txt", "modified", 2, 1],
      ["turned", "deleted", 0, 1],
      ["turned/inside", "added", 1, 0],
    ],
  );
  const response = await sandbox.fetch(`${sandbox.url}/v1/fs/diff?from=old&to=new`, {
    headers: { accept: "text/x-diff" },
  });
  const patch = await response.text();
  if (spawnSync("git", ["--version"]).status !== 0) {
    t.diagnostic("git is not installed: the patch is not applied");
    return;
  }
  execFileSync("git", ["apply", "-"], { cwd: join(home, "old"), input: patch });
  const left = await agent.diffFs({ from: "old", to: "new" });
  assert.deepEqual(
    left.files.map(({ path }) => path),
    ["binary", "large"],
  );
  assert.equal(await readFile(join(home, "old/turned/inside"), "utf8"), "now a directory\n");
});

test("a comparison is bounded and confined to the root", async (t) => {
  const root = await temporary(t);
  const sandbox = await startSandbox(t, "unix", { root, home: root, cwd: root });
  await mkdir(join(root, "a"));
  await mkdir(join(root, "b"));
  for (const name of ["1", "2", "3"]) await writeFile(join(root, "b", name), name);
  await symlink("/etc", join(root, "out"));
  const ask = async (query: string) => {
    const response = await sandbox.fetch(`${sandbox.url}/v1/fs/diff?${query}`);
    const body: unknown = await response.json();
    return { status: response.status, body, files: field(body, "files") };
  };
  const cut = await ask("from=a&to=b&limit=2");
  assert.deepEqual([cut.status, field(cut.files, "length"), field(cut.body, "truncated")], [200, 2, true]);
  assert.equal(field((await ask("from=a&to=b&limit=3")).body, "truncated"), false);
  assert.deepEqual((await ask("from=a&to=a")).body, { files: [], truncated: false });
  assert.equal(field((await ask("from=b/1&to=b/2")).files, 0, "path"), "");
  assert.equal((await ask("from=a&to=out")).status, 403);
  // Nine files of almost 1 MiB exceed the limit of 8 MiB of patches per response.
  await mkdir(join(root, "long"));
  const long = "€".repeat(349_000);
  for (let index = 1; index <= 9; index += 1) await writeFile(join(root, "long", String(index)), long);
  const bounded = await ask("from=a&to=long");
  assert.deepEqual([field(bounded.files, "length"), field(bounded.body, "truncated")], [8, true]);
  for (const query of ["from=a", "from=a&to=none", "from=a&to=b/1", "from=a&to=b&context=101"]) {
    assert.equal((await ask(query)).status, 400, query);
  }
});
