import { randomBytes } from "node:crypto";
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

/** Writing a private file takes far less: an older temporary file was left by a killed process. */
const abandonedAfterMs = 10 * 60_000;

/**
 * Path of a temporary file that will replace `path`. Its name begins with a dot, so that readers of the folder ignore it.
 * Removes abandoned temporary files of `path`, which may hold a secret.
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

/** Whether `file` is a temporary file of the private file `name` in the same folder. */
export function isUnfinished(file: string, name: string): boolean {
  const [, of] = /^(.+)\.[0-9a-f]{12}\.tmp$/.exec(file) ?? [];
  // Earlier releases wrote no dot.
  return of === `.${name}` || of === name;
}

/** A private file (0600) that is written beside `path` and then renamed over it atomically. */
export class PrivateFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** Creates the temporary file. Rejects where it cannot be written. */
  static async beside(path: string): Promise<PrivateFile> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = temporaryBeside(path);
    return new PrivateFile(path, temporary, await open(temporary, "wx", 0o600));
  }

  /** Writes the content and replaces the file. A crash leaves the old or the new content, never a part. */
  async commit(content: string | Uint8Array): Promise<void> {
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

  /** Removes the temporary file and leaves `path` as it is. Idempotent. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#temporary, { force: true });
  }
}

/** Writes a private file so that a crash leaves the old or the new content, never a part. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const file = await PrivateFile.beside(path);
  await file.commit(content);
}

/** Synchronous {@link writePrivateFile}, in an existing folder. */
export function writePrivateFileSync(path: string, content: string | Uint8Array): void {
  const temporary = temporaryBeside(path);
  const file = openSync(temporary, "wx", 0o600);
  try {
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The content of a file, or undefined when there is none. */
export function readIfPresentSync(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** The content of a file, or undefined when there is none or, with `orDenied`, when this user may not read it. */
export async function readIfPresent(path: string, orDenied = false): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || (orDenied && code === "EACCES")) return undefined;
    throw error;
  }
}

/** Parses a JSON object; undefined for anything else. */
export function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
