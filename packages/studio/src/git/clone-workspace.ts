import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Git, GitRunOptions } from "./git.ts";
import { cloneBase, removeLeftovers } from "./prepare.ts";

/**
 * Clones the commit that a task started from into `directory/workspace`: one more workspace beside that of the task, with
 * the same name and email. Idempotent: an interrupted run starts over. Throws `git.*`.
 */
export async function cloneWorkspace(
  git: Git,
  hostGit: string,
  directory: string,
  limits: Pick<GitRunOptions, "timeoutMs" | "signal"> = {},
): Promise<void> {
  const workspace = join(directory, "workspace");
  if (existsSync(workspace)) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeLeftovers(directory);
  const partial = await mkdtemp(join(directory, "prepare-"));
  const clone = join(partial, "workspace");
  await cloneBase(git, hostGit, clone, limits);
  await rename(clone, workspace);
  await rm(partial, { recursive: true, force: true });
}
