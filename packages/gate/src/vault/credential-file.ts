import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { changeExclusively } from "./exclusive-change.ts";
import { parseJson, readIfPresent, readIfPresentSync, writePrivateFileSync } from "./private-file.ts";

/** A value encrypted with AES-256-GCM; fields in base64. */
interface Sealed {
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/**
 * Encrypted store of credentials: AES-256-GCM with a key file beside it (both 0600). It keeps values out of copies of the
 * one file, searches and screens; a process that can read both files can read the values.
 */
export class CredentialFile {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async get(name: string): Promise<string | undefined> {
    const sealed = (await this.#entries()).get(name);
    if (sealed === undefined) return undefined;
    const key = await readIfPresent(this.#keyPath);
    if (key === undefined) throw damaged("its key file is missing");
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(sealed.iv, "base64"));
      decipher.setAAD(Buffer.from(name)).setAuthTag(Buffer.from(sealed.tag, "base64"));
      return Buffer.concat([
        decipher.update(Buffer.from(sealed.data, "base64")),
        decipher.final(),
      ]).toString();
    } catch (cause) {
      throw damaged(`the entry ${name} cannot be decrypted`, cause);
    }
  }

  async names(): Promise<readonly string[]> {
    return [...(await this.#entries()).keys()];
  }

  async set(name: string, value: string): Promise<void> {
    changeExclusively(this.#directory, () => {
      const entries = parseEntries(readIfPresentSync(this.#path));
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", this.#key(), iv).setAAD(Buffer.from(name));
      const data = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
      entries.set(name, {
        iv: iv.toString("base64"),
        tag: cipher.getAuthTag().toString("base64"),
        data: data.toString("base64"),
      });
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

function damaged(problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "damaged", `The vault cannot be read: ${problem}`, {
    statusCode: 500,
    ...(cause === undefined ? {} : { cause }),
  });
}
