import { HoldfastError } from "@holdfast/core";
import type { FileBytes, FileLines, FilePart } from "../contract/review.ts";
import type { Git } from "../git/git.ts";
import { studioLimits } from "../limits.ts";

/** A file in a tree of the host's clone. */
export interface FileOfTree {
  readonly hostGit: string;
  readonly tree: string;
  readonly path: string;
}

/**
 * A part of the patch between two trees of one file, from a position in bytes. A part ends at the end of a line where it
 * can. Throws `review.file_too_large`.
 */
export async function readPatch(
  git: Git,
  file: FileOfTree & { readonly base: string; readonly oldPath?: string },
  from: number,
): Promise<FilePart> {
  const { hostGit, base, tree, path, oldPath } = file;
  const compare = [
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--find-renames",
    "--patch",
    "--full-index",
  ];
  const args = [
    "--git-dir",
    hostGit,
    "--literal-pathspecs",
    "diff-tree",
    "-r",
    ...compare,
    base,
    tree,
    "--",
    path,
  ];
  if (oldPath !== undefined) args.push(oldPath);
  const patch = await runWithin(git, args, path);
  let end = Math.min(patch.length, from + studioLimits.maxFilePartBytes);
  if (end < patch.length) end = boundaryBefore(patch, from, end);
  return { text: patch.toString("utf8", from, end), next: end < patch.length ? end : null };
}

/** Throws `review.no_file`, `review.file_too_large`. */
export async function readLines(git: Git, file: FileOfTree, start: number, end: number): Promise<FileLines> {
  const text = (await readBlob(git, file)).toString("utf8");
  const lines = text.split("\n");
  // What follows the last line end is no line.
  if (lines.at(-1) === "") lines.pop();
  const last = Math.min(end, start + studioLimits.maxContextLines - 1, lines.length);
  const taken: string[] = [];
  let left = studioLimits.maxFilePartBytes;
  for (let line = start; line <= last; line += 1) {
    const found = lines[line - 1] ?? "";
    left -= Buffer.byteLength(found) + 1;
    if (left < 0) break;
    taken.push(found);
  }
  return { start, lines: taken, total: lines.length };
}

/** Throws `review.no_file`, `review.file_too_large`. */
export async function readBytes(git: Git, file: FileOfTree, from: number): Promise<FileBytes> {
  const content = await readBlob(git, file);
  const end = Math.min(content.length, from + studioLimits.maxFilePartBytes);
  return {
    bytes: content.toString("base64", from, end),
    size: content.length,
    next: end < content.length ? end : null,
  };
}

/** Throws `review.no_file`, `review.file_too_large`. */
export async function readBlob(git: Git, { hostGit, tree, path }: FileOfTree): Promise<Buffer> {
  const entry = await entryOf(git, hostGit, tree, path);
  if (entry?.type !== "blob") {
    const message = `There is no file ${JSON.stringify(path)} in this state of the files`;
    throw new HoldfastError("review", "no_file", message, { statusCode: 404 });
  }
  return runWithin(git, ["--git-dir", hostGit, "cat-file", "blob", entry.object], path);
}

export interface TreeEntry {
  readonly mode: string;
  readonly type: string;
  readonly object: string;
}

/** The entry of a path in a tree or commit; undefined if there is none. */
export async function entryOf(
  git: Git,
  hostGit: string,
  tree: string,
  path: string,
): Promise<TreeEntry | undefined> {
  const args = [
    "--git-dir",
    hostGit,
    "--literal-pathspecs",
    "ls-tree",
    "-z",
    "--full-tree",
    tree,
    "--",
    path,
  ];
  const [head = ""] = (await git.run(args)).toString("utf8").split("\t");
  const [mode, type, object] = head.split(" ");
  return mode === undefined || type === undefined || object === undefined
    ? undefined
    : { mode, type, object };
}

async function runWithin(git: Git, args: readonly string[], path: string): Promise<Buffer> {
  try {
    return await git.run(args, { maxOutputBytes: studioLimits.maxShownFileBytes });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "output_too_long") throw error;
    const message = `${JSON.stringify(path)} is larger than ${studioLimits.maxShownFileBytes} bytes. Look at it in the workspace.`;
    throw new HoldfastError("review", "file_too_large", message, { statusCode: 413, cause: error });
  }
}

/** The end of the last line before `end`, or at least of a character. */
function boundaryBefore(bytes: Buffer, from: number, end: number): number {
  const line = bytes.lastIndexOf(0x0a, end - 1);
  if (line >= from) return line + 1;
  let cut = end;
  while (cut > from + 1 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return cut;
}
