import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, type Logger } from "@holdfast/core";
import { type GroupSettings, groupsFile, parseGroups } from "./group-settings.ts";

/**
 * The groups of a data directory. The file is looked at before each use, so that a change is in force for
 * the next event; one that cannot be used changes nothing, and is told in the log.
 */
export class GroupBook {
  readonly #path: string;
  readonly #log: Logger;
  #seen = "";
  #groups: ReadonlyMap<string, GroupSettings> = new Map();

  private constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Throws `group.invalid_file`. */
  static open(dataDirectory: string, log: Logger): GroupBook {
    const book = new GroupBook(join(dataDirectory, groupsFile), log);
    book.#load();
    return book;
  }

  list(): readonly GroupSettings[] {
    this.#refresh();
    return [...this.#groups.values()];
  }

  /** Throws `group.not_found`. */
  require(name: string): GroupSettings {
    this.#refresh();
    const group = this.#groups.get(name);
    if (group !== undefined) return group;
    const message = `There is no group ${JSON.stringify(name)}: ${groupsFile} in the data directory names them`;
    throw new HoldfastError("group", "not_found", message, { statusCode: 404 });
  }

  #refresh(): void {
    try {
      this.#load();
    } catch (error) {
      this.#log.error("the groups file is not taken over", { error: String(error) });
    }
  }

  #load(): void {
    const stats = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const seen =
      stats === undefined ? "none" : `${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    // A file that is gone takes nothing away from the server that runs: what waits is still done.
    if (stats !== undefined) this.#groups = parseGroups(readFileSync(this.#path, "utf8"));
  }
}
