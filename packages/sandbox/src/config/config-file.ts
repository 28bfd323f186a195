import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Paths } from "../fs/paths.ts";
import { invalid, isRecord } from "../http/problem.ts";

/** Where the configuration of a directory lies, relative to it. */
const folder = ".sandbox-agent/config";

export type ConfigName = "mcp" | "skills";

/** The file that holds one kind of configuration of `directory`. */
export function configPath(directory: string, name: ConfigName): string {
  return join(directory, folder, `${name}.json`);
}

/**
 * Files that map names to configurations, as pretty-printed JSON. A change replaces its file at once,
 * and changes of one file go one after the other. Entries are given as they lie there: whoever reads
 * one parses it.
 */
export class ConfigFiles {
  readonly #paths: Paths;
  readonly #maxBytes: number;
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(paths: Paths, maxBytes: number) {
    this.#paths = paths;
    this.#maxBytes = maxBytes;
  }

  /** Throws `sandbox.invalid_request` for a file that does not hold such a map. A missing one is empty. */
  async read(path: string): Promise<Readonly<Record<string, unknown>>> {
    const place = await this.#paths.walk(path, { follow: true }).catch(ignoreMissing);
    if (!place) return {};
    try {
      if ((await stat(place.path)).size > this.#maxBytes) {
        throw invalid(`${path} is larger than ${this.#maxBytes} bytes`);
      }
      return parse(path, await readFile(place.path, "utf8"));
    } catch (error) {
      ignoreMissing(error);
      return {};
    } finally {
      await place.close();
    }
  }

  /** Puts `value` under `name`, or takes the name out when it is undefined. */
  async change(path: string, name: string, value: unknown): Promise<void> {
    const before = this.#changes.get(path) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#change(path, name, value));
    this.#changes.set(path, mine);
    try {
      await mine;
    } finally {
      if (this.#changes.get(path) === mine) this.#changes.delete(path);
    }
  }

  async #change(path: string, name: string, value: unknown): Promise<void> {
    const entries = new Map(Object.entries(await this.read(path)));
    if (value === undefined) {
      if (!entries.delete(name)) return;
    } else {
      entries.set(name, value);
    }
    const text = `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
    if (Buffer.byteLength(text) > this.#maxBytes) {
      throw invalid(`${path} would be larger than ${this.#maxBytes} bytes`, 413);
    }
    const place = await this.#paths.walk(path, { follow: true, makeParents: true });
    const temporary = place.sibling(`.${randomBytes(6).toString("hex")}.tmp`);
    try {
      // Commands with secrets in their environment may stand in it.
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
    } finally {
      await place.close();
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
