import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Paths, Place } from "../fs/paths/paths.ts";
import { lockKey } from "../fs/write.ts";
import { invalid, isRecord } from "../http/problem.ts";
import { KeyedLock } from "../internal/keyed-lock.ts";

/** Location of the configuration, relative to its directory. */
const folder = ".sandbox-agent/config";

export type ConfigName = "mcp" | "skills";

/** The file that holds one kind of configuration of `directory`. */
export function configPath(directory: string, name: ConfigName): string {
  return join(directory, folder, `${name}.json`);
}

/**
 * Configuration files: pretty-printed JSON objects that map names to entries. A change replaces its file
 * atomically; changes of one file are serialized. Entries are returned unparsed.
 */
export class ConfigFiles {
  readonly #paths: Paths;
  readonly #maxBytes: number;
  /** Keyed by the file itself, because several paths may lead to it. */
  readonly #changes = new KeyedLock();

  constructor(paths: Paths, maxBytes: number) {
    this.#paths = paths;
    this.#maxBytes = maxBytes;
  }

  /** Throws `sandbox.invalid_request` for a file that does not hold such a map. A missing one is empty. */
  async read(path: string): Promise<Readonly<Record<string, unknown>>> {
    const place = await this.#find(path);
    if (!place) return {};
    try {
      return await this.#entries(path, place);
    } finally {
      await place.close();
    }
  }

  /** Sets the entry `name`, or removes it when `value` is undefined. */
  async change(path: string, name: string, value: unknown): Promise<void> {
    // A removal creates no directories.
    const place =
      value === undefined
        ? await this.#find(path)
        : await this.#paths.walk(path, { follow: true, makeParents: true });
    if (!place) return;
    try {
      await this.#changes.run(await lockKey(place), () => this.#change(path, place, name, value));
    } finally {
      await place.close();
    }
  }

  async #change(path: string, place: Place, name: string, value: unknown): Promise<void> {
    const entries = new Map(Object.entries(await this.#entries(path, place)));
    if (value === undefined) {
      if (!entries.delete(name)) return;
    } else {
      entries.set(name, value);
    }
    const text = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
    if (Buffer.byteLength(text) > this.#maxBytes) {
      throw invalid(`${path} would be larger than ${this.#maxBytes} bytes`, 413);
    }
    const temporary = place.sibling(`.${randomBytes(6).toString("hex")}.tmp`);
    try {
      // Private, because entries may contain secrets.
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, place.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async #find(path: string): Promise<Place | undefined> {
    return await this.#paths.walk(path, { follow: true }).catch(ignoreMissing);
  }

  async #entries(path: string, place: Place): Promise<Readonly<Record<string, unknown>>> {
    try {
      if ((await stat(place.path)).size > this.#maxBytes) {
        throw invalid(`${path} is larger than ${this.#maxBytes} bytes`);
      }
      return parse(path, await readFile(place.path, "utf8"));
    } catch (error) {
      ignoreMissing(error);
      return {};
    }
  }
}

function parse(path: string, text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(`${path} does not hold JSON`);
  }
  if (!isRecord(value)) throw invalid(`${path} does not hold a JSON object`);
  return value;
}

function ignoreMissing(error: unknown): undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
