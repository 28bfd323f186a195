import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { invalid } from "../http/problem.ts";
import { withDirectory } from "./directory.ts";
import { escapedName, type PathText, shown } from "./names.ts";
import type { Place } from "./paths.ts";
import { lstatIfThere, open, readdir, readlink } from "./system.ts";
import { patchText } from "./unified-diff.ts";

export interface DiffRequest {
  /** Lines around each change. */
  readonly context: number;
  /** Files that are told. */
  readonly limit: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What differs at one path of two trees. */
export interface FileDifference {
  /** Relative to both trees; empty where two files are compared. */
  readonly path: string;
  readonly pathBase64?: string;
  readonly status: "added" | "deleted" | "modified" | "type_changed";
  readonly additions?: number;
  readonly deletions?: number;
  /** A unified diff as git writes it. */
  readonly patch?: string;
  /** Why there is none. */
  readonly omitted?: "binary" | "too_large" | "too_different";
}

export interface DiffAnswer {
  readonly files: readonly FileDifference[];
  /** There is more: files, patches, or time ran out. */
  readonly truncated: boolean;
}

/** Text that is compared line by line; larger files are told as changed. */
const maxTextBytes = 1_048_576;
/** Patches of one answer. */
const maxPatchBytes = 8 * 1_048_576;
const chunkBytes = 65_536;

/** One thing in a tree: a file's or link's content as bytes, where it is one. */
type Side =
  | { readonly kind: "none" }
  | {
      readonly kind: "directory" | "file" | "link" | "other";
      readonly path: PathText;
      readonly mode: string;
      readonly size: number;
    };

const nothing: Side = { kind: "none" };

/**
 * Compares two trees, or two files, by content: names in the order of their bytes, links as links,
 * `.git` left out. Nothing is followed out of either tree. Throws `invalid_request` where one is a
 * directory and the other is not.
 */
export async function diffTrees(from: Place, to: Place, request: DiffRequest): Promise<DiffAnswer> {
  const comparison = new Comparison(request);
  const [before, after] = [await sideOf(from.path), await sideOf(to.path)];
  if (before.kind === "none" || after.kind === "none") throw invalid("there is nothing to compare");
  if ((before.kind === "directory") !== (after.kind === "directory")) {
    throw invalid("a directory can only be compared with a directory");
  }
  await comparison.compare(before, after, "");
  return comparison.answer();
}

/** One comparison, and what it has found. */
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

  async compare(before: Side, after: Side, path: PathText): Promise<void> {
    this.#request.signal.throwIfAborted();
    if (performance.now() > this.#deadline) this.#truncated = true;
    if (this.#truncated) return;
    const [was, is] = [before.kind === "directory", after.kind === "directory"];
    if (was || is) {
      // What was a file and is a directory is told as a file that is gone, and files that came.
      if (!was && before.kind !== "none") await this.#changed(before, nothing, path);
      await this.#directories(was ? before : nothing, is ? after : nothing, path);
      if (!is && after.kind !== "none") await this.#changed(nothing, after, path);
      return;
    }
    if (before.kind === "none" && after.kind === "none") return;
    if (await isSame(before, after, this.#request.signal)) return;
    await this.#changed(before, after, path);
  }

  async #directories(before: Side, after: Side, path: PathText): Promise<void> {
    await within(before, async (old, oldNames) => {
      await within(after, async (young, youngNames) => {
        const names = [...new Set([...oldNames, ...youngNames])].sort(byBytes);
        const [had, has] = [new Set(oldNames), new Set(youngNames)];
        for (const name of names) {
          if (name === ".git") continue;
          const sides = await Promise.all([
            had.has(name) ? sideOf(`${old}/${name}`) : nothing,
            has.has(name) ? sideOf(`${young}/${name}`) : nothing,
          ]);
          await this.compare(...sides, path === "" ? name : `${path}/${name}`);
          if (this.#truncated) return;
        }
      });
    });
  }

  async #changed(before: Side, after: Side, path: PathText): Promise<void> {
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
    this.#files.push({ ...shown(path), status: statusOf(before, after), ...change });
  }

  async #patch(
    before: Side,
    after: Side,
    path: PathText,
  ): Promise<Pick<FileDifference, "patch" | "omitted" | "additions" | "deletions">> {
    const [old, young] = [await textOf(before), await textOf(after)];
    if (typeof old !== "string") return { omitted: old.why };
    if (typeof young !== "string") return { omitted: young.why };
    const patch = patchText({
      name: escapedName(path === "" ? "file" : path),
      before: before.kind === "none" ? undefined : { text: old, mode: before.mode },
      after: after.kind === "none" ? undefined : { text: young, mode: after.mode },
      context: this.#request.context,
    });
    return patch ?? { omitted: "too_different" };
  }
}

function statusOf(before: Side, after: Side): FileDifference["status"] {
  if (before.kind === "none") return "added";
  if (after.kind === "none") return "deleted";
  return before.kind === after.kind ? "modified" : "type_changed";
}

/** What went away since its directory was listed is not there. */
async function sideOf(path: PathText): Promise<Side> {
  const stat = await lstatIfThere(path);
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

async function within(
  side: Side,
  use: (inside: PathText, names: readonly PathText[]) => Promise<void>,
): Promise<void> {
  if (side.kind === "none") await use("", []);
  else await withDirectory(side.path, async (inside) => use(inside, await readdir(inside)));
}

function byBytes(a: PathText, b: PathText): number {
  return Buffer.compare(Buffer.from(escapedName(a)), Buffer.from(escapedName(b)));
}

/** The content of a side as text; of nothing it is empty. */
async function textOf(side: Side): Promise<string | { readonly why: "binary" | "too_large" }> {
  if (side.kind === "none") return "";
  if (side.kind === "link") return escapedName(await readlink(side.path));
  if (side.kind !== "file") return { why: "binary" };
  if (side.size > maxTextBytes) return { why: "too_large" };
  return await withFile(side.path, async (file) => {
    const bytes = await file.readFile();
    if (bytes.length > maxTextBytes) return { why: "too_large" as const };
    return bytes.includes(0) ? { why: "binary" as const } : bytes.toString("utf8");
  });
}

async function isSame(before: Side, after: Side, signal: AbortSignal): Promise<boolean> {
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
