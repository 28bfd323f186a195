import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGit } from "./git.ts";
import { fetchCommit, moveBase, rebaseTree } from "./rebase.ts";

const author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];

test("a state is moved to a base that was squashed, and what does not fit is named", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "holdfast-rebase-"));
  const git = createGit(join(root, "config"));
  t.after(async () => {
    await git.close();
    rmSync(root, { recursive: true, force: true });
  });
  const work = join(root, "work");
  const hostGit = join(root, "host.git");
  await git.run(["init", "--quiet", "--initial-branch", "main", work]);
  await git.run(["init", "--quiet", "--bare", hostGit]);
  const commit = async (files: Readonly<Record<string, string>>, branch: string): Promise<string> => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
    await git.run(["-C", work, "add", "--all"]);
    await git.run(["-C", work, ...author, "commit", "--quiet", "-m", "change"]);
    await git.run(["-C", work, "branch", "--force", branch]);
    await fetchCommit(git, hostGit, { path: work, ref: `refs/heads/${branch}` });
    return git.text(["-C", work, "rev-parse", "HEAD"]);
  };
  const start = await commit({ "a.txt": "one\n" }, "start");
  const below = await commit({ "a.txt": "two\n", "b.txt": "below\n" }, "below");
  const above = await commit({ "c.txt": "above\n" }, "above");
  const other = await commit({ "a.txt": "mine\n" }, "other");
  // The base as one commit on another line of history.
  await git.run(["-C", work, "checkout", "--quiet", "--detach", start]);
  const squashed = await commit({ "a.txt": "two\n", "b.txt": "below\n", "d.txt": "main\n" }, "squashed");
  const move = async (state: string, to: string) => {
    const tree = await git.text(["--git-dir", hostGit, "rev-parse", `${state}^{tree}`]);
    return rebaseTree(git, { hostGit, from: below, to, tree });
  };
  const names = async (tree: string, from: string) =>
    git.text(["--git-dir", hostGit, "diff-tree", "-r", "--name-only", from, tree]);

  const moved = await move(above, squashed);
  assert.deepEqual(moved.conflicts, []);
  assert.equal(await names(moved.tree, `${squashed}^{tree}`), "c.txt");

  const changed = await commit({ "a.txt": "theirs\n" }, "changed");
  const conflict = await move(other, changed);
  assert.deepEqual(conflict.conflicts, ["a.txt"]);
  const text = await git.text(["--git-dir", hostGit, "show", `${conflict.tree}:a.txt`]);
  assert.match(text, /^<{7} refs\/holdfast\/new-base\ntheirs\n={7}\nmine\n>{7} refs\/holdfast\/this-task$/);

  await moveBase(git, hostGit, { branch: "main", commit: changed });
  assert.equal(
    await git.text(["--git-dir", hostGit, "rev-parse", "HEAD", "refs/holdfast/base"]),
    `${changed}\n${changed}`,
  );
});
