import { createHash } from "node:crypto";
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import type { LoadedFile } from "./messages.ts";

/** Editors write a file in several steps. */
const settleMs = 30;

/**
 * Watches the files that the newest version has loaded. Folders are watched, as editors replace files; a file whose
 * text is the same is no change.
 */
export class Watcher {
  readonly #folders = new Map<string, FSWatcher>();
  readonly #hashes = new Map<string, string | undefined>();
  readonly #onChange: (paths: readonly string[]) => void;
  readonly #touched = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(onChange: (paths: readonly string[]) => void) {
    this.#onChange = onChange;
  }

  /** Takes over what a version has loaded. A path without a hash is watched for its creation. */
  add(files: readonly LoadedFile[]): void {
    for (const { path, hash } of files) {
      this.#hashes.set(path, hash);
      this.#watch(dirname(path));
      // It may have been saved between its reading and this line.
      if (hash !== undefined && hashOf(path) !== hash) this.#touch(path);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #watch(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null) this.#touch(join(folder, name));
      });
      // A folder that is removed is no longer watched; its files are then missed by the next version.
      watcher.on("error", () => this.#forget(folder));
      this.#folders.set(folder, watcher);
    } catch {
      // The folder of a missing file may be missing, too: its creation comes with a change of another file.
      return;
    }
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #touch(path: string): void {
    if (!this.#hashes.has(path)) return;
    this.#touched.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), settleMs);
  }

  #settle(): void {
    const changed = [...this.#touched].filter((path) => hashOf(path) !== this.#hashes.get(path));
    this.#touched.clear();
    for (const path of changed) this.#hashes.set(path, hashOf(path));
    if (changed.length > 0) this.#onChange(changed);
  }
}

/** The hash of a file as it is now; undefined if there is none. */
export function hashOf(path: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch {
    // Between two steps of an editor there may be no file.
    return undefined;
  }
}
