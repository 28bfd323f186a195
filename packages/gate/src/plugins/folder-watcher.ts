import { type FSWatcher, mkdirSync, watch } from "node:fs";
import { pluginLimits } from "./plugin-limits.ts";

/** Changes of these are none of a plugin's. */
function isIgnored(file: string): boolean {
  return file.split("/").some((part) => part === "node_modules" || part.startsWith("."));
}

/**
 * Tells when something below some folders has changed and has been quiet for a moment. The folders of
 * linked plugins are watched where they lead.
 */
export class FolderWatcher {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches exactly these folders from now on. */
  watch(directories: Iterable<string>): void {
    if (this.#closed) return;
    const wanted = new Set(directories);
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) {
      if (!this.#watchers.has(directory)) this.#add(directory);
    }
  }

  #add(directory: string): void {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const watcher = watch(directory, { recursive: true }, (_kind, file) => {
        if (file === null || !isIgnored(file)) this.#changed();
      });
      // A folder that goes is a change too; the next look finds what is left.
      watcher.on("error", () => this.#changed());
      this.#watchers.set(directory, watcher);
    } catch {
      // It went while it was to be watched: the next look finds that.
      this.#changed();
    }
  }

  #changed(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onChange(), pluginLimits.debounceMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}
