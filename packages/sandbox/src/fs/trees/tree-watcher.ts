import { type BigIntStats, type FSWatcher, watch } from "node:fs";
import { withDirectory } from "../paths/directory.ts";
import type { PathText } from "../paths/names.ts";
import { hasCode, lstat, lstatIfExists, readdir } from "../system.ts";

/** A change of a directory entry. `path` is relative to the watched directory. */
export interface Change {
  readonly type: "created" | "changed" | "deleted";
  readonly path: PathText;
  readonly isDirectory: boolean;
}

interface EntrySnapshot {
  readonly isDirectory: boolean;
  readonly version: string;
}

interface WatchedDirectory {
  watcher: FSWatcher;
  readonly entries: Map<PathText, EntrySnapshot>;
  /** Set when the directory itself was renamed or removed. Another one may have its name, and even its inode number. */
  isDoubtful: boolean;
}

export interface WatchOptions {
  readonly recursive: boolean;
  readonly maxDirectories: number;
  /** Called when something may have changed. {@link TreeWatcher.changes} then determines the changes. */
  readonly onDirty: () => void;
  /** Called when the watch cannot continue: the directory was removed, or a limit was reached. */
  readonly onFailure: (code: string) => void;
}

/**
 * Watches a directory and, with `recursive`, all directories below it. Events of the kernel only mark directories as
 * dirty; the changes come from comparing these with the last snapshot. So each change is reported once with its final
 * state, and an entry that is created and deleted between two snapshots is not reported. If the event queue of the
 * kernel may have overflowed, everything is compared. Links are never followed.
 */
export class TreeWatcher {
  readonly #root: PathText;
  readonly #options: WatchOptions;
  /** By relative path of the directory; "" is the root. */
  readonly #directories = new Map<PathText, WatchedDirectory>();
  readonly #dirty = new Set<PathText>();
  #eventCount = 0;

  /** `root` must stay the same directory while the watcher lives, as a path from {@link withDirectory} does. */
  constructor(root: PathText, options: WatchOptions) {
    this.#root = root;
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#enter("", undefined);
  }

  /** Checks whether the root was removed. The kernel sends no event for a directory that is held open. */
  async checkRoot(): Promise<void> {
    if ((await lstat(`${this.#root}/.`)).nlink === 0n) this.#options.onFailure("gone");
  }

  close(): void {
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  /** Returns the changes since the last call. */
  async changes(): Promise<Change[]> {
    const found: Change[] = [];
    // The kernel queues at most 16,384 events and drops the rest without notice.
    const dirty = this.#eventCount > maxTrustedEvents ? [...this.#directories.keys()] : [...this.#dirty];
    this.#dirty.clear();
    this.#eventCount = 0;
    for (const directory of dirty.sort()) await this.#compare(directory, found);
    return found;
  }

  async #enter(directory: PathText, found: Change[] | undefined): Promise<void> {
    if (this.#directories.has(directory)) return;
    if (this.#directories.size >= this.#options.maxDirectories) {
      this.#options.onFailure("too_many_directories");
      return;
    }
    const entries = new Map<PathText, EntrySnapshot>();
    try {
      await withDirectory(this.#absolute(directory), async (inside) => {
        // Watch before reading: a change during the read then causes another comparison.
        const watcher = this.#watch(inside, directory);
        this.#directories.set(directory, { watcher, entries, isDoubtful: false });
        for (const name of await readdir(inside)) {
          const known = await snapshotEntry(`${inside}/${name}`);
          if (known) entries.set(name, known);
        }
      });
    } catch (error) {
      if (hasCode(error, "ENOSPC", "EMFILE")) this.#options.onFailure("watch_limit");
      else if (directory === "") throw error;
      // The parent directory reports the removal.
      this.#leave(directory, undefined);
      return;
    }
    for (const [name, known] of entries) {
      const path = join(directory, name);
      found?.push({ type: "created", path, isDirectory: known.isDirectory });
      if (known.isDirectory && this.#options.recursive) await this.#enter(path, found);
    }
  }

  #watch(inside: PathText, directory: PathText): FSWatcher {
    const watcher = watch(inside, { persistent: false });
    const own = inside.slice(inside.lastIndexOf("/") + 1);
    watcher.on("change", (kind, name) => {
      const watched = this.#directories.get(directory);
      // Events of the directory itself carry the name of the watched path.
      if (watched?.watcher === watcher && kind === "rename" && name === own) watched.isDoubtful = true;
      this.#onEvent(directory);
    });
    watcher.on("error", () => this.#onEvent(directory));
    return watcher;
  }

  #onEvent(directory: PathText): void {
    this.#eventCount += 1;
    this.#dirty.add(directory);
    this.#options.onDirty();
  }

  async #compare(directory: PathText, found: Change[]): Promise<void> {
    const watched = this.#directories.get(directory);
    if (!watched) return;
    const now = await this.#readEntries(directory, watched);
    if (!now) return;
    for (const [name, before] of watched.entries) {
      const after = now.get(name);
      if (after?.isDirectory === before.isDirectory) continue;
      watched.entries.delete(name);
      if (before.isDirectory) this.#leave(join(directory, name), found);
      found.push({ type: "deleted", path: join(directory, name), isDirectory: before.isDirectory });
    }
    for (const [name, after] of now) {
      const before = watched.entries.get(name);
      const path = join(directory, name);
      watched.entries.set(name, after);
      const change = { path, isDirectory: after.isDirectory };
      if (!before) found.push({ type: "created", ...change });
      else if (before.version !== after.version && !after.isDirectory)
        found.push({ type: "changed", ...change });
      // For a new directory of the same name, compare the content too.
      if (!after.isDirectory || !this.#options.recursive) continue;
      if (before && before.version !== after.version) this.#leave(path, found);
      if (before?.version !== after.version) await this.#enter(path, found);
    }
  }

  /**
   * Reads the entries of a directory, and watches it again if that is doubtful. Returns undefined if it cannot be
   * read.
   */
  async #readEntries(
    directory: PathText,
    watched: WatchedDirectory,
  ): Promise<Map<PathText, EntrySnapshot> | undefined> {
    const now = new Map<PathText, EntrySnapshot>();
    try {
      await withDirectory(this.#absolute(directory), async (inside) => {
        if (watched.isDoubtful) {
          watched.watcher.close();
          watched.watcher = this.#watch(inside, directory);
          watched.isDoubtful = false;
        }
        for (const name of await readdir(inside)) {
          const known = await snapshotEntry(`${inside}/${name}`);
          if (known) now.set(name, known);
        }
      });
      return now;
    } catch (error) {
      if (hasCode(error, "ENOSPC", "EMFILE")) {
        this.#options.onFailure("watch_limit");
        return undefined;
      }
      if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) throw error;
      if (directory === "") this.#options.onFailure("gone");
      return undefined;
    }
  }

  /** Stops watching a directory and everything below it. Reports each entry as deleted. */
  #leave(directory: PathText, found: Change[] | undefined): void {
    const watched = this.#directories.get(directory);
    if (!watched) return;
    watched.watcher.close();
    this.#directories.delete(directory);
    for (const [name, known] of watched.entries) {
      const path = join(directory, name);
      if (known.isDirectory) this.#leave(path, found);
      found?.push({ type: "deleted", path, isDirectory: known.isDirectory });
    }
  }

  #absolute(directory: PathText): PathText {
    return directory === "" ? `${this.#root}/.` : `${this.#root}/${directory}`;
  }
}

/** With fewer events than this between two comparisons, the kernel's queue cannot have overflowed. */
const maxTrustedEvents = 4_096;

/** Describes an entry; its version changes with a file's content, and for a directory only with its inode. */
async function snapshotEntry(path: PathText): Promise<EntrySnapshot | undefined> {
  const stat = await lstatIfExists(path);
  return stat && { isDirectory: stat.isDirectory(), version: computeVersion(stat) };
}

function computeVersion(stat: BigIntStats): string {
  if (stat.isDirectory()) return `${stat.dev}:${stat.ino}`;
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

function join(directory: PathText, name: PathText): PathText {
  return directory === "" ? name : `${directory}/${name}`;
}
