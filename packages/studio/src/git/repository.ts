import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { RepositoryCheck } from "../contract.ts";
import type { Git } from "./git.ts";
import { globalExcludesFile } from "./personal-excludes.ts";

export type RepositoryHead = Omit<RepositoryCheck, "dirty">;

const branchPrefix = "refs/heads/";

/**
 * Inspects a user's repository without changing it, not even its index. `path` can be any folder in the working tree;
 * the result contains its top folder. `branch` is "" if no branch is checked out.
 *
 * Throws `repository.invalid_path`, `.not_found`, `.not_a_repository`, `.bare`, `.unreadable`, `.empty`.
 */
export async function checkRepository(git: Git, path: string): Promise<RepositoryCheck> {
  const head = await findHead(git, path);
  return { ...head, dirty: await isDirty(git, head.path) };
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

/** The last commit of a repository, without a look at its files. Throws as `checkRepository` does. */
export async function findHead(git: Git, path: string): Promise<RepositoryHead> {
  await requireFolder(path);
  const questions = [
    "--is-bare-repository",
    "--show-toplevel",
    "HEAD^{commit}",
    "--symbolic-full-name",
    "HEAD",
  ];
  const found = await git.status(["-C", path, "rev-parse", ...questions]);
  // Where git cannot answer one of them, it has answered those before it.
  const [isBare = "", ...answers] = trimLineEnd(found.stdout).split("\n");
  if (isBare === "") throw await explainFailure(path, found.stderr);
  if (isBare === "true") {
    const message = "The repository is bare. Use a clone that has a working tree.";
    throw new HoldfastError("repository", "bare", message, { statusCode: 400 });
  }
  if (answers.length === 0) throw notARepository(path);
  if (found.status !== 0) {
    const message = "The repository has no commit yet. Make a first commit, then try again.";
    throw new HoldfastError("repository", "empty", message, { statusCode: 400 });
  }
  const [commit = "", ref = ""] = answers.splice(-2);
  const branch = ref.startsWith(branchPrefix) ? ref.slice(branchPrefix.length) : "";
  // The path may have line ends too.
  return { path: answers.join("\n"), branch, commit };
}

async function requireFolder(path: string): Promise<void> {
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
  const { filters, hasExcludes } = await readSettings(git, top);
  const args = filters.flatMap((filter) =>
    ["clean=", "smudge=", "process=", "required=false"].flatMap((setting) => ["-c", `${filter}.${setting}`]),
  );
  if (!hasExcludes) args.push("-c", `core.excludesFile=${await globalExcludesFile(git)}`);
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

/** What the repository's configuration says of filters, and whether it names an ignore file of its own. */
async function readSettings(
  git: Git,
  top: string,
): Promise<{ readonly filters: readonly string[]; readonly hasExcludes: boolean }> {
  const keys = "^(filter\\..*|core\\.excludesfile)$";
  const found = await git.status([
    ...["-C", top, "config", "-z", "--show-scope", "--name-only"],
    ...["--get-regexp", keys],
  ]);
  const fields = found.stdout.toString("utf8").split("\0");
  const filters = new Set<string>();
  let hasExcludes = false;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [scope, key = ""] = fields.slice(at, at + 2);
    if (key.startsWith("filter.")) filters.add(key.slice(0, key.lastIndexOf(".")));
    else hasExcludes ||= scope === "local";
  }
  return { filters: [...filters], hasExcludes };
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
