import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** The working tree around a directory. */
export interface Worktree {
  readonly root: string;
  /** Git directory; absent without a repository. */
  readonly git?: string;
}

/** Finds the nearest parent with a `.git`, else returns the directory itself. */
export async function findWorktree(directory: string): Promise<Worktree> {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const git = await gitDirectory(at);
    if (git !== undefined) return { root: at, git };
    if (dirname(at) === at) return { root: directory };
  }
}

/** Returns the checked-out branch; null without one. */
export async function currentBranch({ git }: Worktree): Promise<string | null> {
  if (git === undefined) return null;
  const head = await readFile(join(git, "HEAD"), "utf8").catch(() => "");
  return /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1] ?? null;
}

/** Derives a stable project id from a directory. */
export function projectIdOf(directory: string): string {
  return createHash("sha256").update(directory).digest("hex").slice(0, 40);
}

/** `.git` is a directory or, in a linked worktree, a file with the path of one. */
async function gitDirectory(root: string): Promise<string | undefined> {
  const path = join(root, ".git");
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) return path;
  if (!stats?.isFile() || stats.size > 4_096) return undefined;
  const target = /^gitdir: (.+)$/m.exec(await readFile(path, "utf8"))?.[1];
  if (target === undefined) return undefined;
  return isAbsolute(target) ? target : join(root, target);
}
