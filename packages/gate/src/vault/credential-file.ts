import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { changeExclusively } from "./exclusive-change.ts";

/** Nobody writes a private file for so long: one that is older is of a process that was killed. */
const abandonedAfterMs = 10 * 60_000;

/**
 * A name for what is to take the place of `path`. It begins with a dot, so that whoever lists the folder takes it
 * for nothing else. What a process that was killed left of the same is taken away, since it may hold a secret.
 */
function temporaryBeside(path: string): string {
  const [folder, name] = [dirname(path), basename(path)];
  for (const each of readdirSync(folder)) {
    if (!isUnfinished(each, name)) continue;
    const stat = lstatSync(join(folder, each), { throwIfNoEntry: false });
    if (stat?.isFile() === true && Date.now() - stat.mtimeMs > abandonedAfterMs)
      rmSync(join(folder, each), { force: true });
  }
  return join(folder, `.${name}.${randomBytes(6).toString("hex")}.tmp`);
}

/** Whether `file` is what a private file `name` in the same folder is written as before it is whole. */
export function isUnfinished(file: string, name: string): boolean {
  const [, of] = /^(.+)\.[0-9a-f]{12}\.tmp$/.exec(file) ?? [];
  // Without the dot in releases before.
  return of === `.${name}` || of === name;
}

/** A private file (0600) that is being written beside `path`, and takes its place in one step when it is whole. */
export class PrivateFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** Begins one, and so finds out whether it can be written at all. */
  static async beside(path: string): Promise<PrivateFile> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = temporaryBeside(path);
    return new PrivateFile(path, temporary, await open(temporary, "wx", 0o600));
  }

  /** A crash leaves the old or the new content, never a part. */
  async keep(content: string | Uint8Array): Promise<void> {
    try {
      await this.#file.writeFile(content);
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#temporary, this.#path);
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** Leaves `path` as it is. Idempotent. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#temporary, { force: true });
  }
}

/** Writes a private file so that a crash leaves the old or the new content, never a part. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const file = await PrivateFile.beside(path);
  await file.keep(content);
}

/** {@link writePrivateFile} in one go, in a folder that is there. */
export function writePrivateFileSync(path: string, content: string | Uint8Array): void {
  const fresh = temporaryBeside(path);
  const file = openSync(fresh, "wx", 0o600);
  try {
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** The content of a file, or undefined when there is none. */
export function readIfPresentSync(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** The content of a file, or undefined when there is none (or, with `orDenied`, none for this user). */
export async function readIfPresent(path: string, orDenied = false): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || (orDenied && code === "EACCES")) return undefined;
    throw error;
  }
}

interface Sealed {
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/**
 * Keys at rest: AES-256-GCM under a key file beside them (both 0600). This keeps values out of backups
 * of the one file, of searches and of screens; whoever can read both files can read the keys.
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
    if (key === undefined) throw damaged("its key file is gone");
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(sealed.iv, "base64"));
      decipher.setAAD(Buffer.from(name)).setAuthTag(Buffer.from(sealed.tag, "base64"));
      return Buffer.concat([
        decipher.update(Buffer.from(sealed.data, "base64")),
        decipher.final(),
      ]).toString();
    } catch (cause) {
      throw damaged(`the entry ${name} cannot be opened`, cause);
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
    // Where it is not, nothing is made.
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

  /** Made with the first entry. */
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

/** The JSON object in `text`, or undefined when it is none. */
export function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function damaged(problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "damaged", `The vault cannot be read: ${problem}`, {
    statusCode: 500,
    ...(cause === undefined ? {} : { cause }),
  });
}
