import { type FSWatcher, mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { pluginLimits } from "../plugin-limits.ts";

/** Files whose changes are ignored. */
function isIgnored(file: string): boolean {
  return file.split("/").some((part) => part === "node_modules" || part.startsWith("."));
}

/**
 * Whether the system watches a tree as one. On other systems Node's recursive watch follows the files it found
 * first and misses a replaced one, so each folder has a watcher of its own.
 */
const watchesTrees = process.platform === "darwin" || process.platform === "win32";

export interface FolderWatcherPorts {
  readonly onChange: () => void;
  /** Called once for a folder that cannot be watched. */
  readonly onWatchFailed: (directory: string, error: unknown) => void;
}

/** Debounced notifications of changes below some folders. A symbolic link is watched at its target. */
export class FolderWatcher {
  readonly #base: string;
  readonly #ports: FolderWatcherPorts;
  #roots: ReadonlySet<string> = new Set();
  #watchers: FSWatcher[] = [];
  #unwatched: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Creates `base` if it is missing. */
  constructor(base: string, ports: FolderWatcherPorts) {
    this.#base = base;
    this.#ports = ports;
  }

  /** Watches `base` and exactly the folders in `others` from now on. */
  watch(others: Iterable<string> = []): void {
    const roots = new Set([this.#base, ...others]);
    const same = roots.size === this.#roots.size && [...roots].every((each) => this.#roots.has(each));
    if (this.#closed || same) return;
    this.#roots = roots;
    this.#rewatch();
  }

  /** Opens all watchers again, since any folder may have been replaced. Runs before a change is reported. */
  #rewatch(): void {
    const before = this.#watchers.splice(0);
    const seen = new Set<string>();
    const unwatched = new Set<string>();
    for (const root of this.#roots) this.#add(root, seen, unwatched);
    this.#unwatched = unwatched;
    for (const watcher of before) watcher.close();
  }

  #add(directory: string, seen: Set<string>, unwatched: Set<string>): void {
    if (seen.has(directory)) return;
    seen.add(directory);
    try {
      if (directory === this.#base) mkdirSync(directory, { recursive: true, mode: 0o700 });
      const watcher = watch(directory, { recursive: watchesTrees }, (_kind, file) => {
        if (file === null || !isIgnored(file)) this.changed();
      });
      // A removed folder is a change too.
      watcher.on("error", () => this.changed());
      this.#watchers.push(watcher);
      if (watchesTrees) return;
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory() && !isIgnored(entry.name))
          this.#add(join(directory, entry.name), seen, unwatched);
      }
    } catch (error) {
      // The watcher of its parent reports the removal.
      if (!this.#roots.has(directory) && Reflect.get(Object(error), "code") === "ENOENT") return;
      unwatched.add(directory);
      if (this.#unwatched.has(directory)) return;
      this.#ports.onWatchFailed(directory, error);
      // The folder may have been removed a moment ago; the next scan finds out.
      this.changed();
    }
  }

  /** Reports a change, seen by a watcher or by the caller. */
  changed(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#rewatch();
      this.#ports.onChange();
    }, pluginLimits.debounceMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}
