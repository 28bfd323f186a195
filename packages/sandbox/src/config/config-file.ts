import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Paths, Place } from "../fs/paths/paths.ts";
import { lockKey } from "../fs/write.ts";
import { invalid, isRecord } from "../http/problem.ts";
import { KeyedLock } from "../internal/keyed-lock.ts";

/** Folder of the configuration files, relative to the configured directory. */
const configFolder = ".sandbox-agent/config";

export type ConfigName = "mcp" | "skills";

/** Returns the path of one configuration file of `directory`. */
export function configPath(directory: string, name: ConfigName): string {
  return join(directory, configFolder, `${name}.json`);
}

/**
 * Store for configuration files: pretty-printed JSON objects that map names to entries. A change replaces its file
 * atomically. Changes of one file run one at a time. Entries are returned unparsed.
 */
export class ConfigFiles {
  readonly #paths: Paths;
  readonly #maxBytes: number;
  /** Locks are keyed by the file itself, because several paths may lead to it. */
  readonly #locks = new KeyedLock();

  constructor(paths: Paths, maxBytes: number) {
    this.#paths = paths;
    this.#maxBytes = maxBytes;
  }

  /** Reads all entries; a missing file has none. Throws `sandbox.invalid_request` for a malformed file. */
  async read(path: string): Promise<Readonly<Record<string, unknown>>> {
    const resolved = await this.#resolve(path);
    if (!resolved) return {};
    try {
      return await this.#readEntries(path, resolved);
    } finally {
      await resolved.close();
    }
  }

  /** Sets the entry `name`, or removes it when `value` is undefined. */
  async set(path: string, name: string, value: unknown): Promise<void> {
    // Removing an entry must not create directories.
    const resolved =
      value === undefined
        ? await this.#resolve(path)
        : await this.#paths.walk(path, { follow: true, makeParents: true });
    if (!resolved) return;
    try {
      await this.#locks.run(await lockKey(resolved), () => this.#change(path, resolved, name, value));
    } finally {
      await resolved.close();
    }
  }

  async #change(path: string, resolved: Place, name: string, value: unknown): Promise<void> {
    const entries = new Map(Object.entries(await this.#readEntries(path, resolved)));
    if (value === undefined) {
      if (!entries.delete(name)) return;
    } else {
      entries.set(name, value);
    }
    const text = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
    if (Buffer.byteLength(text) > this.#maxBytes) {
      throw invalid(`${path} would be larger than ${this.#maxBytes} bytes`, 413);
    }
    const temporary = resolved.sibling(`.${randomBytes(6).toString("hex")}.tmp`);
    try {
      // Private, because entries may contain secrets.
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, resolved.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async #resolve(path: string): Promise<Place | undefined> {
    return await this.#paths.walk(path, { follow: true }).catch(ignoreMissing);
  }

  async #readEntries(path: string, resolved: Place): Promise<Readonly<Record<string, unknown>>> {
    try {
      if ((await stat(resolved.path)).size > this.#maxBytes) {
        throw invalid(`${path} is larger than ${this.#maxBytes} bytes`);
      }
      return parseEntries(path, await readFile(resolved.path, "utf8"));
    } catch (error) {
      ignoreMissing(error);
      return {};
    }
  }
}

function parseEntries(path: string, text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(`${path} is not valid JSON`);
  }
  if (!isRecord(value)) throw invalid(`${path} must contain a JSON object`);
  return value;
}

function ignoreMissing(error: unknown): undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
