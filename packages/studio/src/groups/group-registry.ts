import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, type Logger } from "@holdfast/core";
import { type GroupSettings, groupsFile, parseGroups } from "./group-settings.ts";

/**
 * The groups configured in a data directory. Checks the file before each use, so that a change applies to the next
 * event. An invalid file is logged, and the previous groups stay in effect.
 */
export class GroupRegistry {
  readonly #path: string;
  readonly #log: Logger;
  #fingerprint = "";
  #groups: ReadonlyMap<string, GroupSettings> = new Map();

  private constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** Throws `group.invalid_file`. */
  static open(dataDirectory: string, log: Logger): GroupRegistry {
    const registry = new GroupRegistry(join(dataDirectory, groupsFile), log);
    registry.#load();
    return registry;
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
    const message = `There is no group ${JSON.stringify(name)}. Define it in ${groupsFile} in the data directory.`;
    throw new HoldfastError("group", "not_found", message, { statusCode: 404 });
  }

  #refresh(): void {
    try {
      this.#load();
    } catch (error) {
      this.#log.error("the groups file is invalid; the previous groups stay in effect", {
        error: String(error),
      });
    }
  }

  #load(): void {
    const stats = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const fingerprint =
      stats === undefined ? "none" : `${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    // A deleted file removes no group from a running server, so that waiting events can still finish.
    if (stats !== undefined) this.#groups = parseGroups(readFileSync(this.#path, "utf8"));
  }
}
