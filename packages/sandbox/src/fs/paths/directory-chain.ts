import { type BigIntStats, constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { hasCode, open } from "../system.ts";
import type { PathText } from "./names.ts";

/** Maximum number of descriptors that a walk holds, at any depth. */
export const maxOpenDirectories = 64;

/** Flags to open a directory for listing. */
export const listFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

// Node has no name for O_PATH; on Linux it opens a directory that may be entered but not listed.
/** Flags to open a directory that is only entered. */
export const enterFlags = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** One directory of a chain. Its descriptor is closed while the walk is far below it. */
interface Level {
  readonly name: PathText;
  readonly path: PathText;
  handle: FileHandle | undefined;
  /** Its identity when the descriptor was closed. */
  stat?: BigIntStats;
}

/**
 * The open directories from the start of a walk to its current one. Each is opened relative to its parent without
 * following links, so that renames during the walk cannot redirect it. Only the first and the last few are open. A
 * reopened directory must be the same one, otherwise `ENOENT` is thrown. On systems other than Linux a directory is
 * represented by its path.
 */
export class DirectoryChain {
  readonly #flags: number;
  readonly #levels: Level[];

  private constructor(flags: number, top: Level) {
    this.#flags = flags;
    this.#levels = [top];
  }

  /** Starts at the directory `path`. A link at the end is refused unless `followed` is set. */
  static async open(path: PathText, flags: number, followed = false): Promise<DirectoryChain> {
    const handle = await openDirectory(path, followed ? flags & ~constants.O_NOFOLLOW : flags);
    return new DirectoryChain(flags, { name: "", path, handle });
  }

  /** Number of directories in the chain: 1 at the start. */
  get depth(): number {
    return this.#levels.length;
  }

  /** A path to the current directory; throws `ENOENT` if it no longer exists. */
  get currentPath(): PathText {
    const level = this.#levels.at(-1);
    if (level?.handle) return `/proc/self/fd/${level.handle.fd}`;
    if (level === undefined || level.stat) throw notFound();
    return level.path;
  }

  /** The path of an entry of the current directory, relative to the start. */
  relative(name: PathText): PathText {
    return [...this.#levels.slice(1).map((level) => level.name), name].join("/");
  }

  /** Enters a subdirectory, runs `use` and leaves it again. */
  async inDirectory<T>(name: PathText, use: () => Promise<T>): Promise<T> {
    await this.enter(name);
    try {
      return await use();
    } finally {
      await this.leave();
    }
  }

  async enter(name: PathText): Promise<void> {
    const path = `${this.currentPath}/${name}`;
    await this.#closeLevel(this.#levels.length + 1 - maxOpenDirectories);
    this.#levels.push({ name, path, handle: await openDirectory(path, this.#flags) });
  }

  /** Moves to the parent. Throws `ENOENT` if the parent no longer exists; the position changes all the same. */
  async leave(): Promise<void> {
    const left = this.#levels.pop();
    try {
      await this.#reopen(left?.handle);
    } finally {
      await left?.handle?.close();
    }
  }

  /** Returns to the start. */
  async leaveAll(): Promise<void> {
    await closeAll(this.#levels.splice(1));
  }

  async close(): Promise<void> {
    await closeAll(this.#levels.splice(0));
  }

  async #closeLevel(index: number): Promise<void> {
    const level = index < 1 ? undefined : this.#levels[index];
    if (!level?.handle) return;
    level.stat = await level.handle.stat({ bigint: true });
    await level.handle.close();
    level.handle = undefined;
  }

  /** Reopens the current directory: through ".." of its child, or by its names from the start. */
  async #reopen(below: FileHandle | undefined): Promise<void> {
    const level = this.#levels.at(-1);
    const known = level?.stat;
    if (!level || level.handle || !known) return;
    const above = below && (await openSame(`/proc/self/fd/${below.fd}/..`, this.#flags, known));
    level.handle = above ?? (await this.#openByNames(known));
    if (!level.handle) throw notFound();
  }

  async #openByNames(known: BigIntStats): Promise<FileHandle | undefined> {
    const names = this.#levels.slice(1).map(({ name }) => name);
    const last = names.pop() ?? ".";
    let at = `/proc/self/fd/${this.#levels[0]?.handle?.fd}`;
    let handle: FileHandle | undefined;
    try {
      for (const name of names) {
        const next = await open(`${at}/${name}`, enterFlags);
        await handle?.close();
        handle = next;
        at = `/proc/self/fd/${next.fd}`;
      }
      return await openSame(`${at}/${last}`, this.#flags, known);
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw error;
    } finally {
      await handle?.close();
    }
  }
}

async function openDirectory(path: PathText, flags: number): Promise<FileHandle | undefined> {
  return process.platform === "linux" ? await open(path, flags) : undefined;
}

/** Undefined if another directory has replaced it. The birth time detects a reused inode number. */
async function openSame(path: PathText, flags: number, known: BigIntStats): Promise<FileHandle | undefined> {
  const handle = await open(path, flags);
  const { dev, ino, birthtimeNs } = await handle.stat({ bigint: true });
  if (dev === known.dev && ino === known.ino && birthtimeNs === known.birthtimeNs) return handle;
  await handle.close();
  return undefined;
}

async function closeAll(levels: readonly Level[]): Promise<void> {
  for (const { handle } of levels) await handle?.close();
}

function notFound(): Error {
  return Object.assign(new Error("the directory has gone"), { code: "ENOENT" });
}
