import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { invalid } from "../../http/problem.ts";
import { DirectoryChain, listFlags } from "../paths/directory-chain.ts";
import { escapeName, type PathText, toDisplay } from "../paths/names.ts";
import type { Place } from "../paths/paths.ts";
import { lstatIfExists, open, readdir, readlink } from "../system.ts";
import { formatGitPatch } from "./unified-diff.ts";

export interface DiffRequest {
  /** Context lines around each change. */
  readonly context: number;
  /** Maximum number of files in the answer. */
  readonly limit: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A difference between two trees at one path. */
export interface FileDifference {
  /** Relative to both trees; empty if two files are compared. */
  readonly path: string;
  readonly pathBase64?: string;
  readonly status: "added" | "deleted" | "modified" | "type_changed";
  readonly additions?: number;
  readonly deletions?: number;
  /** Unified diff in git's format. */
  readonly patch?: string;
  /** Why there is no patch. */
  readonly omitted?: "binary" | "too_large" | "too_different";
}

export interface DiffAnswer {
  readonly files: readonly FileDifference[];
  /** True if the limit of files, the limit of patch bytes or the timeout ended the comparison early. */
  readonly truncated: boolean;
}

/** Maximum size of a file that is compared by line. Larger files are only reported as changed. */
const maxTextBytes = 1_048_576;
/** Maximum size of all patches in one answer. */
const maxPatchBytes = 8 * 1_048_576;
const chunkBytes = 65_536;

/** One side of a comparison: a file, link or directory, or nothing. */
type DiffSide =
  | { readonly kind: "none" }
  | {
      readonly kind: "directory" | "file" | "link" | "other";
      readonly path: PathText;
      readonly mode: string;
      readonly size: number;
    };

const nothing: DiffSide = { kind: "none" };

/**
 * Compares two trees, or two files, by content, in byte order of the names. Links are compared as links and not
 * followed. `.git` is skipped. Throws `invalid_request` for a directory and a file.
 */
export async function diffTrees(from: Place, to: Place, request: DiffRequest): Promise<DiffAnswer> {
  const comparison = new Comparison(request);
  const [before, after] = [await readSide(from.path), await readSide(to.path)];
  if (before.kind === "none" || after.kind === "none") throw invalid("there is nothing to compare");
  if ((before.kind === "directory") !== (after.kind === "directory")) {
    throw invalid("a directory can only be compared with a directory");
  }
  if (before.kind !== "directory") await comparison.files(before, after, "");
  else await comparison.trees(from.path, to.path);
  return comparison.answer();
}

/** State and results of one comparison. */
class Comparison {
  readonly #request: DiffRequest;
  readonly #deadline: number;
  readonly #files: FileDifference[] = [];
  #patchBytes = 0;
  #truncated = false;

  constructor(request: DiffRequest) {
    this.#request = request;
    this.#deadline = performance.now() + request.timeoutMs;
  }

  answer(): DiffAnswer {
    return { files: this.#files, truncated: this.#truncated };
  }

  async trees(from: PathText, to: PathText): Promise<void> {
    const left = await DirectoryChain.open(from, listFlags);
    try {
      const right = await DirectoryChain.open(to, listFlags);
      try {
        await this.#directories(left, right, "");
      } finally {
        await right.close();
      }
    } finally {
      await left.close();
    }
  }

  /** Compares the current directories of both walks. A walk is undefined if its tree has no such directory. */
  async #directories(
    left: DirectoryChain | undefined,
    right: DirectoryChain | undefined,
    path: PathText,
  ): Promise<void> {
    const [had, has] = [await namesIn(left), await namesIn(right)];
    for (const name of [...new Set([...had, ...has])].sort(byBytes)) {
      if (name === ".git") continue;
      this.#request.signal.throwIfAborted();
      if (performance.now() > this.#deadline) this.#truncated = true;
      if (this.#truncated) return;
      const [before, after] = await Promise.all([
        left && had.has(name) ? readSide(`${left.currentPath}/${name}`) : nothing,
        right && has.has(name) ? readSide(`${right.currentPath}/${name}`) : nothing,
      ]);
      const below = path === "" ? name : `${path}/${name}`;
      const [was, is] = [before.kind === "directory", after.kind === "directory"];
      if (!was && !is) {
        await this.files(before, after, below);
        continue;
      }
      // A file that became a directory is reported as a deleted file and added files.
      if (!was && before.kind !== "none") await this.#changed(before, nothing, below);
      await inDirectory(was ? left : undefined, name, () =>
        inDirectory(is ? right : undefined, name, () =>
          this.#directories(was ? left : undefined, is ? right : undefined, below),
        ),
      );
      if (!is && after.kind !== "none") await this.#changed(nothing, after, below);
    }
  }

  /** Compares two files or links. */
  async files(before: DiffSide, after: DiffSide, path: PathText): Promise<void> {
    if (before.kind === "none" && after.kind === "none") return;
    if (await isSame(before, after, this.#request.signal)) return;
    await this.#changed(before, after, path);
  }

  async #changed(before: DiffSide, after: DiffSide, path: PathText): Promise<void> {
    if (this.#files.length >= this.#request.limit) {
      this.#truncated = true;
      return;
    }
    const change = await this.#patch(before, after, path);
    this.#patchBytes += Buffer.byteLength(change.patch ?? "");
    if (this.#patchBytes > maxPatchBytes) {
      this.#truncated = true;
      return;
    }
    this.#files.push({ ...toDisplay(path), status: diffStatus(before, after), ...change });
  }

  async #patch(
    before: DiffSide,
    after: DiffSide,
    path: PathText,
  ): Promise<Pick<FileDifference, "patch" | "omitted" | "additions" | "deletions">> {
    const [left, right] = [await readSideText(before), await readSideText(after)];
    if (typeof left !== "string") return { omitted: left.why };
    if (typeof right !== "string") return { omitted: right.why };
    const patch = formatGitPatch({
      name: escapeName(path === "" ? "file" : path),
      before: before.kind === "none" ? undefined : { text: left, mode: before.mode },
      after: after.kind === "none" ? undefined : { text: right, mode: after.mode },
      context: this.#request.context,
    });
    return patch ?? { omitted: "too_different" };
  }
}

function diffStatus(before: DiffSide, after: DiffSide): FileDifference["status"] {
  if (before.kind === "none") return "added";
  if (after.kind === "none") return "deleted";
  return before.kind === after.kind ? "modified" : "type_changed";
}

/** Entries that were removed after the listing count as missing. */
async function readSide(path: PathText): Promise<DiffSide> {
  const stat = await lstatIfExists(path);
  if (!stat) return nothing;
  const kind = stat.isFile()
    ? "file"
    : stat.isDirectory()
      ? "directory"
      : stat.isSymbolicLink()
        ? "link"
        : "other";
  const executable = (stat.mode & 0o100n) !== 0n;
  const mode = kind === "link" ? "120000" : executable ? "100755" : "100644";
  return { kind, path, mode, size: Number(stat.size) };
}

async function namesIn(directories: DirectoryChain | undefined): Promise<ReadonlySet<PathText>> {
  return new Set(directories && (await readdir(directories.currentPath)));
}

async function inDirectory(
  directories: DirectoryChain | undefined,
  name: PathText,
  use: () => Promise<void>,
): Promise<void> {
  if (directories) await directories.inDirectory(name, use);
  else await use();
}

function byBytes(a: PathText, b: PathText): number {
  return Buffer.compare(Buffer.from(escapeName(a)), Buffer.from(escapeName(b)));
}

/** Reads the text of one side; empty if nothing exists. */
async function readSideText(side: DiffSide): Promise<string | { readonly why: "binary" | "too_large" }> {
  if (side.kind === "none") return "";
  if (side.kind === "link") return escapeName(await readlink(side.path));
  if (side.kind !== "file") return { why: "binary" };
  if (side.size > maxTextBytes) return { why: "too_large" };
  return await withFile(side.path, async (file) => {
    const bytes = await file.readFile();
    if (bytes.length > maxTextBytes) return { why: "too_large" as const };
    return bytes.includes(0) ? { why: "binary" as const } : bytes.toString("utf8");
  });
}

async function isSame(before: DiffSide, after: DiffSide, signal: AbortSignal): Promise<boolean> {
  if (before.kind !== after.kind || before.kind === "none" || after.kind === "none") return false;
  if (before.kind === "other") return true;
  if (before.mode !== after.mode || before.size !== after.size) return false;
  if (before.kind === "link") return (await readlink(before.path)) === (await readlink(after.path));
  return await withFile(before.path, (a) => withFile(after.path, (b) => haveSameBytes(a, b, signal)));
}

async function haveSameBytes(a: FileHandle, b: FileHandle, signal: AbortSignal): Promise<boolean> {
  const [one, other] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const [first, second] = await Promise.all([
      a.read(one, 0, chunkBytes, at),
      b.read(other, 0, chunkBytes, at),
    ]);
    const length = Math.min(first.bytesRead, second.bytesRead);
    if (one.compare(other, 0, length, 0, length) !== 0) return false;
    if (length === 0) return first.bytesRead === second.bytesRead;
    at += length;
  }
}

async function withFile<T>(path: PathText, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
