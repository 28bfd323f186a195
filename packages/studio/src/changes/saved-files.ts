/** Reads folders of a state of a task's files from the host's clone, without a jail. */
import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { SavedEntry, SavedMatch, SavedMatches } from "../contract/review.ts";
import type { Git } from "../git/git.ts";
import { studioLimits } from "../limits.ts";
import { entryOf } from "./file-content.ts";

/** The names of all files of a state, and the lines that a search may find. */
const maxListBytes = 64 * 1024 * 1024;
const maxLineCharacters = 300;

interface State {
  readonly hostGit: string;
  readonly tree: string;
}

/** The entries of a folder by name; the top one has an empty path. Throws `review.no_folder`. */
export async function readFolder(
  git: Git,
  { hostGit, tree }: State,
  path: string,
): Promise<{ readonly entries: readonly SavedEntry[]; readonly truncated: boolean }> {
  const folder = path === "" ? tree : await folderOf(git, { hostGit, tree }, path);
  const listed = await git.run(["--git-dir", hostGit, "ls-tree", "-z", "-l", "--full-tree", folder], {
    maxOutputBytes: maxListBytes,
  });
  const rows = listed.toString("utf8").split("\0").filter(Boolean);
  const { maxFolderEntries } = studioLimits;
  return { entries: rows.slice(0, maxFolderEntries).map(toEntry), truncated: rows.length > maxFolderEntries };
}

/** Paths or lines that contain a text, whatever the case of its letters. */
export async function searchTree(
  git: Git,
  state: State,
  where: "names" | "contents",
  text: string,
): Promise<SavedMatches> {
  const found = where === "names" ? await findPaths(git, state, text) : await findLines(git, state, text);
  const { maxSavedMatches } = studioLimits;
  return { matches: found.slice(0, maxSavedMatches), truncated: found.length > maxSavedMatches };
}

async function folderOf(git: Git, { hostGit, tree }: State, path: string): Promise<string> {
  const entry = await entryOf(git, hostGit, tree, path);
  if (entry?.type === "tree") return entry.object;
  const message = `There is no folder ${JSON.stringify(path)} in this state of the files`;
  throw new HoldfastError("review", "no_folder", message, { statusCode: 404 });
}

/** A row is `mode type object size`, a tab and the name. */
function toEntry(row: string): SavedEntry {
  const tab = row.indexOf("\t");
  const [mode, type, , size] = row.slice(0, tab).split(/ +/);
  const name = row.slice(tab + 1);
  if (type === "tree") return { name, kind: "folder" };
  // A submodule has no files here.
  if (type !== "blob" || mode === "120000") return { name, kind: "link" };
  return { name, kind: "file", size: Number(size) };
}

async function findPaths(git: Git, { hostGit, tree }: State, text: string): Promise<readonly SavedMatch[]> {
  const args = ["--git-dir", hostGit, "ls-tree", "-r", "-z", "--name-only", "--full-tree", tree];
  const listed = await git.run(args, { maxOutputBytes: maxListBytes });
  const wanted = text.toLowerCase();
  return listed
    .toString("utf8")
    .split("\0")
    .filter((path) => path !== "" && path.toLowerCase().includes(wanted))
    .map((path) => ({ path }));
}

async function findLines(git: Git, { hostGit, tree }: State, text: string): Promise<readonly SavedMatch[]> {
  const how = ["--no-color", "-I", "-i", "-F", "-n", "-z", `--max-count=${studioLimits.maxSavedMatches}`];
  const args = ["--git-dir", hostGit, "grep", ...how, "-e", text, tree];
  const result = await git.status(args, { maxOutputBytes: maxListBytes }).catch((error: unknown) => {
    if (!isErrorCode(error, "git", "output_too_long")) throw error;
    const message = "Too many lines contain this text. Type more of it.";
    throw new HoldfastError("review", "too_many_lines", message, { statusCode: 413 });
  });
  // 1 says that there is none.
  if (result.status > 1)
    throw new HoldfastError("git", "failed", `git grep failed: ${result.stderr.trim().slice(0, 500)}`);
  const rows = result.stdout.toString("utf8").split("\n").filter(Boolean);
  return rows.map((row) => {
    const [place = "", line = "", ...rest] = row.split("\0");
    const path = place.slice(tree.length + 1);
    return { path, line: Number(line), text: rest.join("\0").slice(0, maxLineCharacters) };
  });
}
