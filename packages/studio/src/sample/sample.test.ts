import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OtherNodes } from "../cluster/other-nodes.ts";
import { Repositories, type RepositoriesOptions } from "../cluster/repositories.ts";
import { createGit } from "../git/git.ts";
import { prepareRepository } from "../git/prepare.ts";
import { findHead } from "../git/repository.ts";
import { sampleRepository } from "./sample.ts";

test("a task of the sample is applied after its data directory has moved, one of a folder that is gone is not", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "holdfast-sample-"));
  t.after(() => rmSync(root, { recursive: true }));
  const git = createGit(join(root, "config"));
  const [before, after, task] = ["before", "after", "task"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(before);
  mkdirSync(task);
  const path = await sampleRepository(git, before);
  const { hostGit, base } = await prepareRepository(git, task, () => findHead(git, path));
  writeFileSync(join(task, "new.txt"), "new\n");
  const blob = await git.text(["--git-dir", hostGit, "hash-object", "-w", join(task, "new.txt")]);
  const tree = await git.text(["--git-dir", hostGit, "mktree"], { input: `100644 blob ${blob}\tnew.txt\n` });
  renameSync(before, after);
  const repositories = new Repositories({
    ...({} as RepositoriesOptions),
    ...{ git, node: undefined, others: new OtherNodes(() => undefined) },
    sample: () => sampleRepository(git, after),
  });
  const repository = { path, node: undefined };
  const branch = await repositories.branchName(repository, "Add a file");
  const plan = { tree, base: base.commit, branch, message: "Add a file", at: 1 };
  const applied = await repositories.apply(hostGit, repository, plan);
  assert.equal(applied.branch, "holdfast/add-a-file");
  assert.equal(await git.text(["-C", join(after, "sample"), "rev-parse", applied.branch]), applied.commit);

  const other = await git.text(["--git-dir", hostGit, "commit-tree", tree, "-m", "other"], {
    env: { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a" },
  });
  const { tree: empty } = { tree: await git.text(["--git-dir", hostGit, "mktree"], { input: "" }) };
  await assert.rejects(repositories.apply(hostGit, repository, { ...plan, tree: empty, base: other }));
});
