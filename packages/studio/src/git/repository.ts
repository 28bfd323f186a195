import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { RepositoryCheck } from "../contract.ts";
import type { Git } from "./git.ts";
import { globalExcludesFile } from "./personal-excludes.ts";

/**
 * Inspects a user's repository without changing it, not even its index. `path` can be any folder in the working tree;
 * the result contains its top folder. `branch` is "" if no branch is checked out.
 *
 * Throws `repository.invalid_path`, `.not_found`, `.not_a_repository`, `.bare`, `.unreadable`, `.empty`.
 */
export async function checkRepository(git: Git, path: string): Promise<RepositoryCheck> {
  const top = await findTop(git, path);
  const head = await git.status(["-C", top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (head.status !== 0) {
    throw new HoldfastError(
      "repository",
      "empty",
      "The repository has no commit yet. Make a first commit, then try again.",
      {
        statusCode: 400,
      },
    );
  }
  const branch = await git.status(["-C", top, "symbolic-ref", "--quiet", "--short", "HEAD"]);
  return {
    path: top,
    branch: branch.status === 0 ? trimLineEnd(branch.stdout) : "",
    commit: trimLineEnd(head.stdout),
    dirty: await isDirty(git, top),
  };
}

/** Throws `repository.dirty` if the working tree has changes, unless `fromHead` is set. */
export function requireClean(check: RepositoryCheck, fromHead: boolean): void {
  if (!check.dirty || fromHead) return;
  throw new HoldfastError(
    "repository",
    "dirty",
    "The working tree has uncommitted changes. Commit them, or start from the last commit (--from-head).",
    { statusCode: 409 },
  );
}

async function findTop(git: Git, path: string): Promise<string> {
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new HoldfastError("repository", "invalid_path", "The path of a repository must be absolute", {
      statusCode: 400,
    });
  }
  try {
    if (!(await stat(path)).isDirectory()) throw notARepository(path);
    await access(path, constants.R_OK | constants.X_OK);
  } catch (error) {
    throw fromFileSystemError(error, path);
  }
  const bare = await git.status(["-C", path, "rev-parse", "--is-bare-repository"]);
  if (bare.status !== 0) throw await explainFailure(path, bare.stderr);
  if (trimLineEnd(bare.stdout) === "true") {
    throw new HoldfastError(
      "repository",
      "bare",
      "The repository is bare. Use a clone that has a working tree.",
      {
        statusCode: 400,
      },
    );
  }
  const top = await git.status(["-C", path, "rev-parse", "--show-toplevel"]);
  if (top.status !== 0) throw notARepository(path);
  return trimLineEnd(top.stdout);
}

/** Tells an unreadable `.git` apart, for which git also reports "not a git repository". */
async function explainFailure(path: string, stderr: string): Promise<HoldfastError> {
  try {
    await access(`${path}/.git`, constants.R_OK);
  } catch (error) {
    if (hasErrorCode(error, "EACCES")) return unreadable(path);
  }
  return /permission denied/i.test(stderr) ? unreadable(path) : notARepository(path);
}

/**
 * True if the working tree has changes. Disables the filters in the repository's configuration, because git would run
 * them on files whose time stamps are inconclusive.
 */
async function isDirty(git: Git, top: string): Promise<boolean> {
  const names = await git.status(["-C", top, "config", "-z", "--name-only", "--get-regexp", "^filter\\..*"]);
  const off = new Set<string>();
  for (const key of names.stdout.toString("utf8").split("\0")) {
    const dot = key.lastIndexOf(".");
    if (dot > 0) off.add(key.slice(0, dot));
  }
  const args = [...off].flatMap((filter) =>
    ["clean=", "smudge=", "process=", "required=false"].flatMap((setting) => ["-c", `${filter}.${setting}`]),
  );
  const excludes = await globalExcludesFile(git, top);
  if (excludes !== undefined) args.push("-c", `core.excludesFile=${excludes}`);
  try {
    const output = await git.run(
      [
        ...args,
        "-C",
        top,
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=normal",
        "--ignore-submodules=all",
      ],
      { maxOutputBytes: 64 * 1024 * 1024 },
    );
    return output.length > 0;
  } catch (error) {
    const message =
      "Git cannot read the state of the working tree. Run “git status” in it, and fix the problem that it reports.";
    throw new HoldfastError("repository", "unreadable", message, { statusCode: 400, cause: error });
  }
}

function trimLineEnd(output: Buffer): string {
  return output.toString("utf8").replace(/\n$/, "");
}

function hasErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function fromFileSystemError(error: unknown, path: string): unknown {
  if (
    hasErrorCode(error, "ENOENT") ||
    hasErrorCode(error, "ENOTDIR") ||
    hasErrorCode(error, "ENAMETOOLONG")
  ) {
    return new HoldfastError("repository", "not_found", `There is no folder at ${path}`, { statusCode: 404 });
  }
  return hasErrorCode(error, "EACCES") || hasErrorCode(error, "EPERM") ? unreadable(path) : error;
}

function unreadable(path: string): HoldfastError {
  return new HoldfastError(
    "repository",
    "unreadable",
    `The Studio has no permission to read ${path}. Check the permissions of the folder.`,
    {
      statusCode: 403,
    },
  );
}

function notARepository(path: string): HoldfastError {
  return new HoldfastError(
    "repository",
    "not_a_repository",
    `${path} is not in a git repository. Run "git init" there first.`,
    {
      statusCode: 400,
    },
  );
}
