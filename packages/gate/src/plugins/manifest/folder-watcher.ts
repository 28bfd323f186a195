import { type FSWatcher, mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { pluginLimits } from "../plugin-limits.ts";

/** Files whose changes are ignored. */
function isIgnored(file: string): boolean {
  return file.split("/").some((part) => part === "node_modules" || part.startsWith("."));
}

/**
 * Elsewhere each folder is watched by itself: what Node makes of a whole tree there looks at the files that it found
 * at first, and sees nothing more of one that another has taken the place of.
 */
const watchesTrees = process.platform === "darwin" || process.platform === "win32";

export interface FolderWatcherPorts {
  readonly onChange: () => void;
  /** Called once for a folder that cannot be watched. */
  readonly onBlind: (directory: string, error: unknown) => void;
}

/**
 * Debounced notifications of changes below some folders. The folders of
 * linked plugins are watched where they lead.
 */
export class FolderWatcher {
  readonly #home: string;
  readonly #ports: FolderWatcherPorts;
  #roots: ReadonlySet<string> = new Set();
  #watchers: FSWatcher[] = [];
  #blind: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Creates `home` if it is missing. */
  constructor(home: string, ports: FolderWatcherPorts) {
    this.#home = home;
    this.#ports = ports;
  }

  /** Watches `home` and exactly these folders from now on. */
  watch(others: Iterable<string> = []): void {
    const roots = new Set([this.#home, ...others]);
    const same = roots.size === this.#roots.size && [...roots].every((each) => this.#roots.has(each));
    if (this.#closed || same) return;
    this.#roots = roots;
    this.#renew();
  }

  /** Anew, for any of the folders may have been replaced: whoever is told of a change looks after this. */
  #renew(): void {
    const before = this.#watchers.splice(0);
    const seen = new Set<string>();
    const blind = new Set<string>();
    for (const root of this.#roots) this.#add(root, seen, blind);
    this.#blind = blind;
    for (const watcher of before) watcher.close();
  }

  #add(directory: string, seen: Set<string>, blind: Set<string>): void {
    if (seen.has(directory)) return;
    seen.add(directory);
    try {
      if (directory === this.#home) mkdirSync(directory, { recursive: true, mode: 0o700 });
      const watcher = watch(directory, { recursive: watchesTrees }, (_kind, file) => {
        if (file === null || !isIgnored(file)) this.changed();
      });
      // A folder that goes is a change too; the next look finds what is left.
      watcher.on("error", () => this.changed());
      this.#watchers.push(watcher);
      if (watchesTrees) return;
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory() && !isIgnored(entry.name))
          this.#add(join(directory, entry.name), seen, blind);
      }
    } catch (error) {
      // The folder that holds it tells that it has gone.
      if (!this.#roots.has(directory) && Reflect.get(Object(error), "code") === "ENOENT") return;
      blind.add(directory);
      if (this.#blind.has(directory)) return;
      this.#ports.onBlind(directory, error);
      // It may have gone while it was to be watched: the next look finds that.
      this.changed();
    }
  }

  /** Something has changed, whoever has seen it. */
  changed(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#renew();
      this.#ports.onChange();
    }, pluginLimits.debounceMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}
