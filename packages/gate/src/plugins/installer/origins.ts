import { readdir, readFile, rename, rm } from "node:fs/promises";
import { writePrivateFile } from "../../vault/private-file.ts";
import { below, isThere, type PluginName } from "../manifest/names.ts";

export interface OriginsOptions {
  /** A file for each plugin that was installed, and `NAME.removed` for one that left something behind. */
  readonly directory: string;
  /** The folder with a plugin's credentials. */
  readonly credentialsOf: (name: PluginName) => string;
  /** The folder of a plugin's data: it is there once a plugin of that name has run. */
  readonly dataOf: (name: PluginName) => string;
  /** True where the operator gives servers, folders, repositories, hosts or a configuration to that name. */
  readonly isGiven: (name: PluginName) => boolean;
}

/**
 * From where each plugin came, also one that is removed as long as something of it is left, as credentials, data or
 * what the operator gives to it: it is not for another that takes its name.
 */
export class Origins {
  readonly #options: OriginsOptions;

  constructor(options: OriginsOptions) {
    this.#options = options;
  }

  #path(name: PluginName): string {
    return below(this.#options.directory, name);
  }

  /** Not the record of any plugin: no name has a dot. */
  #removedPath(name: PluginName): string {
    return `${this.#path(name)}.removed`;
  }

  /** The address of a plugin that was installed, as it was written down. */
  async of(name: PluginName): Promise<unknown> {
    return addressIn(this.#path(name));
  }

  async installed(name: PluginName, url: string, commit: string): Promise<void> {
    await writePrivateFile(this.#path(name), JSON.stringify({ version: 1, url, commit }));
  }

  /** What is left of a plugin of that name that came from elsewhere, or of which that is not known, in words. */
  async leftByAnother(name: PluginName, url: string): Promise<readonly string[]> {
    const removed = await addressIn(this.#removedPath(name));
    const from = removed ?? (await this.of(name));
    // Before the first one a person may have put its credentials there already.
    if (from === url || (from === undefined && !isThere(this.#options.dataOf(name)))) return [];
    return this.#left(name);
  }

  /** Notes what there is before an installation; the answer takes back what one has left that has failed. */
  before(name: PluginName): () => Promise<void> {
    const made = [this.#path(name), this.#options.dataOf(name)].filter((path) => !isThere(path));
    return async () => {
      for (const path of made) await rm(path, { recursive: true, force: true });
    };
  }

  /** From now on what there is for the name is this one's. */
  async taken(name: PluginName): Promise<void> {
    await rm(this.#removedPath(name), { force: true });
  }

  async removed(name: PluginName): Promise<void> {
    const left = await this.#left(name);
    if (left.length > 0 && isThere(this.#path(name))) {
      await rename(this.#path(name), this.#removedPath(name));
      return;
    }
    await rm(this.#path(name), { force: true });
    if (left.length > 0) return;
    await rm(this.#removedPath(name), { force: true });
    await rm(this.#options.dataOf(name), { recursive: true, force: true });
  }

  async #left(name: PluginName): Promise<string[]> {
    const { credentialsOf, dataOf, isGiven } = this.#options;
    const left = isGiven(name) ? ["what the operator gives to it"] : [];
    for (const folder of [credentialsOf(name), dataOf(name)])
      if (isThere(folder) && (await readdir(folder)).length > 0) left.push(folder);
    return left;
  }
}

/** Undefined where there is no such record. */
async function addressIn(path: string): Promise<unknown> {
  if (!isThere(path)) return undefined;
  const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
  return Reflect.get(Object(parsed), "url");
}
