/** Path traversal that never follows a link out of the root; copy and move. */
import { existsSync, lstatSync } from "node:fs";
import { mkdir as makeDirectories, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { invalid, problem } from "../../http/problem.ts";
import { Mounts } from "../../internal/mounts/mounts.ts";
import { hasCode, lstat, lstatIfExists, mkdir, readlink } from "../system.ts";
import { DirectoryChain, enterFlags } from "./directory-chain.ts";
import { encodeName, type PathText } from "./names.ts";

/** A path that was resolved component by component. */
export interface Place {
  /** The requested path, absolute, for answers. */
  readonly display: PathText;
  /** The path for system calls. Its last component is not a symbolic link when links were followed. */
  readonly path: PathText;
  /** The name in its directory after links were resolved; "." for the directory where the walk began. */
  readonly name: PathText;
  /** A path in the same directory, for a temporary file beside this one. */
  sibling(name: PathText): PathText;
  close(): Promise<void>;
}

export interface WalkOptions {
  /**
   * Whether a symbolic link at the end is followed. Otherwise the path is the link itself. A trailing slash requires a
   * directory.
   */
  readonly follow: boolean;
  /** Creates the missing parent directories. */
  readonly makeParents?: boolean;
  /** Whether the complete tree below will be read too. */
  readonly tree?: boolean;
}

const maxLinks = 40;

/**
 * Resolves the paths of callers. With a root, nothing outside it can be reached. On Linux each component is opened
 * relative to its parent's descriptor without following links. Links are resolved here, and both `..` at the root and
 * absolute links to the outside are rejected, so that a concurrent change of the tree cannot lead out of it (as
 * openat2 does with RESOLVE_BENEATH).
 */
export class Paths {
  readonly #base: string;
  readonly #root: string | undefined;
  readonly #home: string;
  readonly #mounts: Mounts;
  readonly #hasDescriptors: boolean;

  private constructor(base: string, root: string | undefined, home: string, mounts: Mounts) {
    this.#base = base;
    this.#root = root;
    this.#home = home;
    this.#mounts = mounts;
    this.#hasDescriptors = process.platform === "linux" && existsSync("/proc/self/fd");
  }

  static async create(
    root: string | undefined,
    home: string = homedir(),
    mounts = new Mounts(),
  ): Promise<Paths> {
    if (root === undefined) return new Paths(sep, undefined, home, mounts);
    await mounts.checkResponsive([resolve(root)]);
    const base = await realpath(root);
    const inside = home === base || home.startsWith(base + sep);
    return new Paths(base, base, inside ? home : base, mounts);
  }

  /**
   * Returns the absolute form of a caller's path. Throws for NUL, for paths outside the root, and for `..`. Only an
   * absolute path without a root keeps its `..`, which the walk applies after it has resolved the links.
   */
  absolute(input: string): string {
    if (input === "" || input.includes("\0")) throw invalid("invalid path");
    const expanded = input === "~" || input.startsWith("~/") ? this.#home + input.slice(1) : input;
    if (goesUp(expanded)) {
      if (this.#root !== undefined || !input.startsWith("/")) throw invalid("invalid relative path");
      return `/${split(expanded).join("/")}`;
    }
    const path = join(expanded.startsWith("/") ? "/" : this.#home, expanded).replace(/(.)\/+$/, "$1");
    if (this.#root !== undefined && path !== this.#root && !path.startsWith(this.#root + sep)) {
      throw problem("permission_denied", 403, "the path lies outside of the root directory");
    }
    return path;
  }

  get home(): string {
    return this.#home;
  }

  /** Whether access is confined to a root directory. */
  get confined(): boolean {
    return this.#root !== undefined;
  }

  /** Whether a path is on a file system that may stop responding, so that synchronous calls must not be made on it. */
  mayHang(path: string): boolean {
    return this.#mounts.mayHang(this.absolute(path));
  }

  /** Whether the file at this path may be read without a walk. */
  needsNoWalk(path: string): boolean {
    return this.#root === undefined && !path.endsWith("/");
  }

  /** Names in a directory that are mount points of file systems that do not respond. */
  async hungMountsIn(directory: string): Promise<ReadonlySet<string>> {
    return await this.#mounts.hungNamesIn(directory);
  }

  /** Resolves a path. Throws `sandbox.mount_not_responding` if its file system does not respond. */
  async walk(input: string, options: WalkOptions): Promise<Place> {
    const display = this.absolute(input);
    const reached = options.tree
      ? this.#mounts.checkTreeResponsive(display)
      : this.#mounts.checkResponsive([display]);
    if (reached) await reached;
    const inLine = !reached && this.#root === undefined && !goesUp(display);
    if (inLine && options.follow && !options.makeParents) {
      const plain = placeWithoutWalk(display, input.endsWith("/"));
      if (plain) return plain;
    }
    const place = await this.#walk(display, options);
    if (!input.endsWith("/") || options.makeParents) return place;
    try {
      // A missing entry is not reported here, because the request may be conditional on that.
      const stat = options.follow ? await lstat(place.path) : await lstatIfExists(place.path);
      const isLink = !options.follow && stat?.isSymbolicLink();
      if (stat && !stat.isDirectory() && !isLink) throw invalid("ENOTDIR: not a directory");
    } catch (error) {
      await place.close();
      throw error;
    }
    return place;
  }

  async #walk(display: PathText, options: WalkOptions): Promise<Place> {
    const names = display
      .slice(this.#base.length)
      .split("/")
      .filter((name) => name !== "");
    if (!this.#hasDescriptors) return await this.#walkByPath(display, options);
    return await walkFrom(this.#base, this.#root !== undefined, display, names, options);
  }

  /**
   * Walks from an open directory (a path from {@link withDirectory}) to a relative path below it. No link leads out of
   * that directory, even without a root. Throws for `..` and absolute paths.
   */
  async walkBelow(directory: PathText, relative: PathText, options: WalkOptions): Promise<Place> {
    const names = relative.split("/").filter((name) => name !== "" && name !== ".");
    if (relative.startsWith("/") || relative.includes("\0") || names.includes("..")) {
      throw invalid(`invalid relative path ${JSON.stringify(relative.toWellFormed())}`);
    }
    if (this.#hasDescriptors) return await walkFrom(directory, true, relative, names, options);
    const base = await realpath(directory);
    const below = new Paths(base, base, base, this.#mounts);
    return await below.#walkByPath(join(base, ...names), options);
  }

  /** Without descriptor paths: resolves, then checks. A concurrent change of the tree can defeat the check. */
  async #walkByPath(display: string, options: WalkOptions): Promise<Place> {
    if (options.makeParents) await makeDirectories(dirname(display), { recursive: true });
    const parent = await realpath(dirname(display));
    let path = join(parent, basename(display));
    if (options.follow) path = await realpath(path).catch(() => path);
    if (this.#root !== undefined && path !== this.#root && !path.startsWith(this.#root + sep))
      throw outsideRoot();
    const sibling = (name: string) => join(dirname(path), name);
    return { display, path, name: basename(path), sibling, close: async () => {} };
  }
}

/**
 * Without a root there is no confinement: an existing path that is not a link needs no walk. One synchronous call
 * costs less than a walk's many through the thread pool.
 */
function placeWithoutWalk(display: PathText, folder: boolean): Place | undefined {
  if (display === sep) return undefined;
  try {
    const stat = lstatSync(encodeName(display), { throwIfNoEntry: false });
    if (!stat || stat.isSymbolicLink() || (folder && !stat.isDirectory())) return undefined;
  } catch {
    // The walk reports the error.
    return undefined;
  }
  // Not normalized: a trailing "." means the directory that a link leads to.
  const sibling = (name: PathText) => `${dirname(display)}/${name}`;
  return { display, path: display, name: basename(display), sibling, close: async () => {} };
}

async function walkFrom(
  base: PathText,
  confined: boolean,
  display: PathText,
  names: string[],
  options: WalkOptions,
): Promise<Place> {
  const chain = await DirectoryChain.open(base, enterFlags, true);
  try {
    return await new Walker(chain, base, confined).walk(display, names, options);
  } catch (error) {
    await chain.close();
    throw error;
  }
}

/** One walk from the base, through the links on the way. */
class Walker {
  readonly #chain: DirectoryChain;
  readonly #base: string;
  readonly #confined: boolean;
  #links = 0;

  constructor(chain: DirectoryChain, base: string, confined: boolean) {
    this.#chain = chain;
    this.#base = base;
    this.#confined = confined;
  }

  async walk(display: string, names: string[], options: WalkOptions): Promise<Place> {
    let rest = names;
    for (;;) {
      const [name, ...after] = rest;
      if (name === undefined) return this.#place(display, ".");
      if (name === "..") {
        await this.#up();
        rest = after;
        continue;
      }
      const path = this.#at(name);
      const last = after.length === 0;
      const stat = await lstat(path).catch((error: unknown) => {
        if (hasCode(error, "ENOENT") && (last || options.makeParents)) return undefined;
        throw error;
      });
      if (stat?.isSymbolicLink() && (!last || options.follow)) {
        rest = [...(await this.#link(path)), ...after];
        continue;
      }
      if (last) return this.#place(display, name);
      if (!stat) await mkdir(path).catch(ignoreExisting);
      await this.#chain.enter(name);
      rest = after;
    }
  }

  #at(name: string): string {
    return `${this.#chain.currentPath}/${name}`;
  }

  #place(display: string, name: string): Place {
    return {
      display,
      path: this.#at(name),
      name,
      sibling: (other) => this.#at(other),
      close: () => this.#chain.close(),
    };
  }

  async #up(): Promise<void> {
    if (this.#chain.depth > 1) await this.#chain.leave();
    else if (this.#confined) throw outsideRoot();
  }

  /** The components of a link's target; an absolute one starts again at the base. */
  async #link(path: string): Promise<string[]> {
    this.#links += 1;
    if (this.#links > maxLinks) throw invalid("too many levels of symbolic links");
    const target = await readlink(path);
    if (!target.startsWith("/")) return split(target);
    if (this.#confined && target !== this.#base && !target.startsWith(`${this.#base}/`)) throw outsideRoot();
    await this.#chain.leaveAll();
    return split(target.slice(this.#base.length));
  }
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function goesUp(path: string): boolean {
  return path.split("/").includes("..");
}

function outsideRoot(): Error {
  return problem("permission_denied", 403, "the path leads out of the root directory");
}

function ignoreExisting(error: unknown): void {
  if (!hasCode(error, "EEXIST")) throw error;
}
