import { type BigIntStats, type FSWatcher, watch } from "node:fs";
import { withDirectory } from "../paths/directory.ts";
import type { PathText } from "../paths/names.ts";
import { hasCode, lstat, lstatIfThere, readdir } from "../system.ts";

/** What became of an entry; `path` is relative to the directory that is watched. */
export interface Change {
  readonly type: "created" | "changed" | "deleted";
  readonly path: PathText;
  readonly isDirectory: boolean;
}

interface SeenEntry {
  readonly isDirectory: boolean;
  readonly version: string;
}

interface Watched {
  watcher: FSWatcher;
  readonly entries: Map<PathText, SeenEntry>;
  /** The one that is watched may be gone, and another one be there with its name and its inode. */
  isDoubtful: boolean;
}

export interface WatchOptions {
  readonly recursive: boolean;
  readonly maxDirectories: number;
  /** Called when something may have changed; {@link TreeWatcher.changes} then finds out what. */
  readonly onDirty: () => void;
  /** The watch cannot go on: the directory is gone, or the system watches no more. */
  readonly onFailure: (code: string) => void;
}

/**
 * Watches a directory, and with `recursive` all below it, by comparing what the kernel says may have
 * changed with what was there: each change is told once, as the state that it led to, and what comes
 * and goes between two looks is not told. Links are never followed. More changes than the kernel's
 * queue holds make it look at everything again, so that none stays unseen.
 */
export class TreeWatcher {
  readonly #root: PathText;
  readonly #options: WatchOptions;
  /** By relative path of the directory; "" is the root. */
  readonly #directories = new Map<PathText, Watched>();
  readonly #dirty = new Set<PathText>();
  #hints = 0;

  /** `root` stays the same directory while the watcher lives, as {@link withDirectory} gives it. */
  constructor(root: PathText, options: WatchOptions) {
    this.#root = root;
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#enter("", undefined);
  }

  /** The kernel says nothing when a directory that is held open is removed: it is asked now and then. */
  async checkRoot(): Promise<void> {
    if ((await lstat(`${this.#root}/.`)).nlink === 0n) this.#options.onFailure("gone");
  }

  close(): void {
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  /** What has changed since the last call. */
  async changes(): Promise<Change[]> {
    const found: Change[] = [];
    // The kernel queues 16,384 events at most and says nothing of those that it drops.
    const dirty = this.#hints > maxTrustedHints ? [...this.#directories.keys()] : [...this.#dirty];
    this.#dirty.clear();
    this.#hints = 0;
    for (const directory of dirty.sort()) await this.#compare(directory, found);
    return found;
  }

  async #enter(directory: PathText, found: Change[] | undefined): Promise<void> {
    if (this.#directories.has(directory)) return;
    if (this.#directories.size >= this.#options.maxDirectories) {
      this.#options.onFailure("too_many_directories");
      return;
    }
    const entries = new Map<PathText, SeenEntry>();
    try {
      await withDirectory(this.#absolute(directory), async (inside) => {
        // The watch comes first: what changes while the entries are read is then looked at again.
        const watcher = this.#watch(inside, directory);
        this.#directories.set(directory, { watcher, entries, isDoubtful: false });
        for (const name of await readdir(inside)) {
          const known = await look(`${inside}/${name}`);
          if (known) entries.set(name, known);
        }
      });
    } catch (error) {
      if (hasCode(error, "ENOSPC", "EMFILE")) this.#options.onFailure("watch_limit");
      else if (directory === "") throw error;
      // A directory that went away meanwhile is reported by the one above it.
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
      // What became of the directory itself is reported by the name under which it is watched.
      if (watched?.watcher === watcher && kind === "rename" && name === own) watched.isDoubtful = true;
      this.#hint(directory);
    });
    watcher.on("error", () => this.#hint(directory));
    return watcher;
  }

  #hint(directory: PathText): void {
    this.#hints += 1;
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
      // Another directory of the same name is left and entered, so that its content is compared too.
      if (!after.isDirectory || !this.#options.recursive) continue;
      if (before && before.version !== after.version) this.#leave(path, found);
      if (before?.version !== after.version) await this.#enter(path, found);
    }
  }

  /** What is in a directory now, which is watched anew where that is in doubt; undefined when it cannot be told. */
  async #readEntries(directory: PathText, watched: Watched): Promise<Map<PathText, SeenEntry> | undefined> {
    const now = new Map<PathText, SeenEntry>();
    try {
      await withDirectory(this.#absolute(directory), async (inside) => {
        if (watched.isDoubtful) {
          watched.watcher.close();
          watched.watcher = this.#watch(inside, directory);
          watched.isDoubtful = false;
        }
        for (const name of await readdir(inside)) {
          const known = await look(`${inside}/${name}`);
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

  /** Forgets a directory and all below it, telling of each entry that it is gone. */
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

/** Fewer hints than this between two looks cannot have overrun the kernel's queue. */
const maxTrustedHints = 4_096;

/** Files change with their content; a directory is another one only with another inode. */
async function look(path: PathText): Promise<SeenEntry | undefined> {
  const stat = await lstatIfThere(path);
  return stat && { isDirectory: stat.isDirectory(), version: versionOf(stat) };
}

function versionOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return `${stat.dev}:${stat.ino}`;
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

function join(directory: PathText, name: PathText): PathText {
  return directory === "" ? name : `${directory}/${name}`;
}
