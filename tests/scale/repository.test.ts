/** A repository of 200,000 files, from the prompt to the branch. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { createStudio } from "@holdfast/studio";
import { needsJail, sh, temporaryFolder, Watch } from "../../packages/studio/tests/support.ts";

const folders = 400;
const filesOfFolder = 500;
const slowestMs = 900_000;

/**
 * A repository whose files are all equal, and so one object of git. Its own working tree is a sparse checkout without
 * them, since only that of the task matters.
 */
function makeLargeRepository(folder: string): string {
  const path = join(folder, "large");
  sh(folder, "init", "-q", "-b", "main", path);
  const lines = ["blob", "mark :1", "data 5", "text", "", "commit refs/heads/main"];
  lines.push("committer Ada <ada@example.org> 1700000000 +0000", "data 5", "first");
  for (let at = 0; at < folders * filesOfFolder; at++)
    lines.push(`M 100644 :1 folder-${at % folders}/file-${Math.floor(at / folders)}.txt`);
  execFileSync("git", ["fast-import", "--quiet"], { cwd: path, input: `${lines.join("\n")}\n\n` });
  sh(path, "sparse-checkout", "set", "--cone");
  sh(path, "reset", "-q", "--hard");
  return path;
}

test("a task on 200,000 files shows its one change, and applies it", async (t) => {
  if (!needsJail(t)) return;
  const folder = temporaryFolder(t);
  const repository = makeLargeRepository(folder);
  const studio = await createStudio({
    ...{ dataDirectory: join(folder, "data"), environment: { PATH: process.env.PATH } },
    vault: { logins: false },
  });
  t.after(() => studio.close());
  const prompt = 'write "changed" to folder-7/file-7.txt without asking';
  const { id } = await studio.client.organization.createTask({ repository, agent: "demo", prompt });
  const watch = await Watch.open(studio.client, id);
  t.after(() => watch.close());
  const ended = await watch.until(
    ({ status }) => status === "idle" || status === "failed",
    "its end",
    slowestMs,
  );
  assert.equal(ended.status, "idle", JSON.stringify(ended));
  const { files } = await studio.client.task(id).diff();
  assert.deepEqual(
    files.map(({ path }) => path),
    ["folder-7/file-7.txt"],
  );
  const { branch } = await studio.client.task(id).apply();
  assert.equal(sh(repository, "show", `${branch}:folder-7/file-7.txt`), "changed");
  assert.equal(sh(repository, "diff", "--name-only", "main", branch), "folder-7/file-7.txt");
});
