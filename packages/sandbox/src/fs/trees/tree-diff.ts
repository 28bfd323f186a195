import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { invalid } from "../../http/problem.ts";
import { DirectoryChain, listed } from "../paths/directory-chain.ts";
import { escapedName, type PathText, shown } from "../paths/names.ts";
import type { Place } from "../paths/paths.ts";
import { lstatIfThere, open, readdir, readlink } from "../system.ts";
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

/** Text that is compared line by line; larger files are reported as changed. */
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
  if (before.kind !== "directory") await comparison.files(before, after, "");
  else await comparison.trees(from.path, to.path);
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

  async trees(from: PathText, to: PathText): Promise<void> {
    const old = await DirectoryChain.open(from, listed);
    try {
      const young = await DirectoryChain.open(to, listed);
      try {
        await this.#directories(old, young, "");
      } finally {
        await young.close();
      }
    } finally {
      await old.close();
    }
  }

  /** Compares the directories where both walks are; one that there is only on one side is compared with nothing. */
  async #directories(
    old: DirectoryChain | undefined,
    young: DirectoryChain | undefined,
    path: PathText,
  ): Promise<void> {
    const [had, has] = [await namesIn(old), await namesIn(young)];
    for (const name of [...new Set([...had, ...has])].sort(byBytes)) {
      if (name === ".git") continue;
      this.#request.signal.throwIfAborted();
      if (performance.now() > this.#deadline) this.#truncated = true;
      if (this.#truncated) return;
      const [before, after] = await Promise.all([
        old && had.has(name) ? sideOf(`${old.inside}/${name}`) : nothing,
        young && has.has(name) ? sideOf(`${young.inside}/${name}`) : nothing,
      ]);
      const below = path === "" ? name : `${path}/${name}`;
      const [was, is] = [before.kind === "directory", after.kind === "directory"];
      if (!was && !is) {
        await this.files(before, after, below);
        continue;
      }
      // What was a file and is a directory is reported as a file that is gone, and files that came.
      if (!was && before.kind !== "none") await this.#changed(before, nothing, below);
      await within(was ? old : undefined, name, () =>
        within(is ? young : undefined, name, () =>
          this.#directories(was ? old : undefined, is ? young : undefined, below),
        ),
      );
      if (!is && after.kind !== "none") await this.#changed(nothing, after, below);
    }
  }

  /** Compares what is no directory. */
  async files(before: Side, after: Side, path: PathText): Promise<void> {
    if (before.kind === "none" && after.kind === "none") return;
    if (await isSame(before, after, this.#request.signal)) return;
    await this.#changed(before, after, path);
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

async function namesIn(directories: DirectoryChain | undefined): Promise<ReadonlySet<PathText>> {
  return new Set(directories && (await readdir(directories.inside)));
}

async function within(
  directories: DirectoryChain | undefined,
  name: PathText,
  use: () => Promise<void>,
): Promise<void> {
  if (directories) await directories.within(name, use);
  else await use();
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
