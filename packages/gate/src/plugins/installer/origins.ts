import { readdir, readFile, rename, rm } from "node:fs/promises";
import { writePrivateFile } from "../../vault/private-file.ts";
import { below, isThere, type PluginName } from "../manifest/names.ts";

export interface OriginsOptions {
  /** One file per installed plugin, and `NAME.removed` for a removed one with leftovers. */
  readonly directory: string;
  /** The folder with a plugin's credentials. */
  readonly credentialsOf: (name: PluginName) => string;
  /** Folder of a plugin's data. It exists once a plugin of this name has run. */
  readonly dataOf: (name: PluginName) => string;
  /** Whether the operator grants servers, folders, repositories, hosts or a configuration to this name. */
  readonly isGiven: (name: PluginName) => boolean;
}

/**
 * Origin of each plugin, also after its removal while credentials, data or grants of it remain, so that another plugin
 * of the same name cannot use them.
 */
export class Origins {
  readonly #options: OriginsOptions;

  constructor(options: OriginsOptions) {
    this.#options = options;
  }

  #path(name: PluginName): string {
    return below(this.#options.directory, name);
  }

  /** Cannot be a plugin's record: names have no dot. */
  #removedPath(name: PluginName): string {
    return `${this.#path(name)}.removed`;
  }

  /** Recorded address of an installed plugin. */
  async of(name: PluginName): Promise<unknown> {
    return addressIn(this.#path(name));
  }

  async installed(name: PluginName, url: string, commit: string): Promise<void> {
    await writePrivateFile(this.#path(name), JSON.stringify({ version: 1, url, commit }));
  }

  /** Describes leftovers of a plugin of this name whose origin is different or unknown. */
  async leftByAnother(name: PluginName, url: string): Promise<readonly string[]> {
    const removed = await addressIn(this.#removedPath(name));
    const from = removed ?? (await this.of(name));
    // For a first installation, a person may have stored the credentials in advance.
    if (from === url || (from === undefined && !isThere(this.#options.dataOf(name)))) return [];
    return this.#left(name);
  }

  /** Records the state before an installation. The returned function removes what a failed one has left. */
  before(name: PluginName): () => Promise<void> {
    const made = [this.#path(name), this.#options.dataOf(name)].filter((path) => !isThere(path));
    return async () => {
      for (const path of made) await rm(path, { recursive: true, force: true });
    };
  }

  /** From here on, everything under this name belongs to this plugin. */
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
    const left = isGiven(name) ? ["grants of the operator"] : [];
    for (const folder of [credentialsOf(name), dataOf(name)])
      if (isThere(folder) && (await readdir(folder)).length > 0) left.push(folder);
    return left;
  }
}

/** Undefined if there is no such record. */
async function addressIn(path: string): Promise<unknown> {
  if (!isThere(path)) return undefined;
  const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
  return Reflect.get(Object(parsed), "url");
}
