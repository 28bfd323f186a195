import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { changeExclusively } from "./exclusive-change.ts";
import { parseJson, readIfPresent, readIfPresentSync, writePrivateFileSync } from "./private-file.ts";
import { damaged, openSealed, type Sealed, seal } from "./sealing.ts";

/** Keeps named values, encrypted. */
export interface CredentialStore {
  /** Undefined when there is none. Throws `vault.damaged`. */
  get(name: string): Promise<string | undefined>;
  names(): Promise<readonly string[]>;
  set(name: string, value: string): Promise<void>;
  /** Returns whether there was one. */
  delete(name: string): Promise<boolean>;
}

/**
 * Encrypted store of credentials: AES-256-GCM with a key file beside it (both 0600). It keeps values out of copies of the
 * one file, searches and screens; a process that can read both files can read the values.
 */
export class CredentialFile implements CredentialStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async get(name: string): Promise<string | undefined> {
    const sealed = (await this.#entries()).get(name);
    if (sealed === undefined) return undefined;
    const key = await readIfPresent(this.#keyPath);
    if (key === undefined) throw damaged("its key file is missing");
    return openSealed(key, name, sealed);
  }

  async names(): Promise<readonly string[]> {
    return [...(await this.#entries()).keys()];
  }

  async set(name: string, value: string): Promise<void> {
    changeExclusively(this.#directory, () => {
      const entries = parseEntries(readIfPresentSync(this.#path));
      entries.set(name, seal(this.#key(), name, value));
      this.#write(entries);
    });
  }

  async delete(name: string): Promise<boolean> {
    // Checked before locking, so that deleting nothing creates no files.
    const isThere = (await this.#entries()).has(name);
    return isThere && changeExclusively(this.#directory, () => this.#remove(name));
  }

  #remove(name: string): boolean {
    const entries = parseEntries(readIfPresentSync(this.#path));
    const removed = entries.delete(name);
    this.#write(entries);
    return removed;
  }

  get #keyPath(): string {
    return join(this.#directory, "key");
  }

  get #path(): string {
    return join(this.#directory, "credentials.json");
  }

  /** The key, generated with the first entry. */
  #key(): Buffer {
    const present = readIfPresentSync(this.#keyPath);
    if (present !== undefined) return present;
    const key = randomBytes(32);
    writePrivateFileSync(this.#keyPath, key);
    return key;
  }

  async #entries(): Promise<Map<string, Sealed>> {
    return parseEntries(await readIfPresent(this.#path));
  }

  #write(entries: ReadonlyMap<string, Sealed>): void {
    writePrivateFileSync(this.#path, JSON.stringify({ version: 1, entries: Object.fromEntries(entries) }));
  }
}

function parseEntries(content: Buffer | undefined): Map<string, Sealed> {
  if (content === undefined) return new Map();
  const parsed = parseJson(content.toString("utf8"));
  const { version, entries } = (parsed ?? {}) as { version?: unknown; entries?: unknown };
  if (version !== 1 || typeof entries !== "object" || entries === null)
    throw damaged("it is not a version 1 vault");
  return new Map(Object.entries(entries as Record<string, Sealed>));
}
