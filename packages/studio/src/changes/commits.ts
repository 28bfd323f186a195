import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { JailLayout } from "@holdfast/gate";
import type { TaskCommit } from "../contract/review.ts";
import type { Git } from "../git/git.ts";
import { importPack, runPackTool, type SnapshotOptions } from "../git/snapshot.ts";
import { guestPrograms } from "../jail/bundle.ts";
import type { CommitsConfig } from "../jail/commits.ts";
import { jailPaths } from "../jail/layout.ts";
import { studioLimits } from "../limits.ts";

/**
 * The commits of the agent since `base`, newest first. They are copied into the host's clone from the workspace's own
 * repository, which is read in a throwaway jail. Throws `snapshot.*`, and the errors of the jail.
 */
export async function readCommits(
  git: Git,
  options: SnapshotOptions,
  base: string,
): Promise<readonly TaskCommit[]> {
  const { hostGit } = options;
  const out = await mkdtemp(join(options.temporary, "commits-"));
  try {
    const layout = new JailLayout(!options.jails.driver.unsafe);
    const config: CommitsConfig = {
      workspace: layout.mount(options.workspace, jailPaths.workspace, "ro"),
      out: layout.mount(out, jailPaths.out, "rw"),
      base,
    };
    const head = await runPackTool(options, layout, guestPrograms.commits, config);
    if (head === base) return [];
    await importPack(git, hostGit, join(out, "snapshot.pack"));
    return await listCommits(git, hostGit, base, head);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function listCommits(
  git: Git,
  hostGit: string,
  base: string,
  head: string,
): Promise<readonly TaskCommit[]> {
  const format = ["--format=%H%x00%ct%x00%an%x00%s", "--no-mailmap", "--no-color", "--encoding=UTF-8"];
  const count = `--max-count=${studioLimits.maxCommitsShown}`;
  const log = await git.text(["--git-dir", hostGit, "log", ...format, count, `${base}..${head}`, "--"]);
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", time = "0", author = "", subject = ""] = line.split("\0");
      return {
        id,
        subject: subject.slice(0, 200),
        author: author.slice(0, 100),
        committedAt: Number(time) * 1000,
      };
    });
}

/** The two trees of a commit: its parent's, or the empty one, and its own. Throws `review.commit_not_found`. */
export async function treesOfCommit(
  git: Git,
  hostGit: string,
  commit: string,
): Promise<{ readonly base: string; readonly tree: string }> {
  const find = (name: string) =>
    git.status(["--git-dir", hostGit, "rev-parse", "--verify", "--quiet", "--end-of-options", name]);
  const own = await find(`${commit}^{tree}`);
  if (own.status !== 0) {
    const message = "The agent has no such commit any more. Reload the changes.";
    throw new HoldfastError("review", "commit_not_found", message, { statusCode: 404 });
  }
  const parent = await find(`${commit}^1^{tree}`);
  const base =
    parent.status === 0
      ? parent.stdout.toString("utf8").trim()
      : await git.text(["--git-dir", hostGit, "hash-object", "-t", "tree", "-w", "--stdin"], { input: "" });
  return { base, tree: own.stdout.toString("utf8").trim() };
}
