import { randomBytes } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, opendir, rename, rmdir, unlink } from "node:fs/promises";
import { type SharedFolder, ToolError } from "@holdfast/gate/plugin";
import type { OutsideMarks } from "./outside-marks.ts";

/** Sizes are bytes. */
export const filesLimits = {
  readBytes: 256 * 1024,
  writeBytes: 100 * 1024,
  /** Largest file that can be appended to. */
  appendedBytes: 16 * 1024 * 1024,
  entries: 500,
  /** Largest folder that can be listed. */
  names: 50_000,
  depth: 32,
  nameBytes: 255,
  /** Files and folders with marks of tainted sessions. */
  marks: 500_000,
} as const;

const temporary = /^\.holdfast-[0-9a-f]{16}\.tmp$/;
/** No write takes this long: an older temporary file belongs to a killed process. */
const staleTemporaryMs = 10 * 60_000;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Without O_NONBLOCK, opening a FIFO would block.
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function refused(message: string, field = "path"): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, field });
}

/** Describes a system error without paths of the host. */
export function describeError(error: unknown): ToolError {
  if (error instanceof ToolError) return error;
  switch (codeOf(error)) {
    case "ENOENT":
      return refused("No such file or folder");
    case "ENOTDIR":
    case "ELOOP":
      return refused("A component of the path is a link or not a folder");
    case "EEXIST":
      return refused("A file or folder of that name exists already");
    case "ENOTEMPTY":
      return refused("The folder is not empty");
    case "EISDIR":
      return refused("This is a folder");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return refused("The file system denied the operation");
    case "ENOSPC":
    case "EDQUOT":
      return refused("No space is left on the disk");
    default:
      throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : undefined;
}

/** Splits a path into its components. Refuses ambiguous paths. */
export function pathComponents(path: string, field = "path"): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (path.startsWith("/") || path.includes("\0") || !path.isWellFormed() || names.includes("..")) {
    throw refused("The path must be relative to the shared folder, without ..", field);
  }
  if (names.length > filesLimits.depth)
    throw refused(`The path is more than ${filesLimits.depth} folders deep`, field);
  if (names.some((name) => Buffer.byteLength(name) > filesLimits.nameBytes || temporary.test(name))) {
    throw refused("The file name is too long or reserved", field);
  }
  return names;
}

/** True for a path with a trailing slash, which can only be a folder. */
function requiresFolder(path: string): boolean {
  return /\/\.?$/.test(path);
}

/** Protects .git: git runs programs that a repository's settings name, as the next user who opens the folder. */
function refuseGitDirectory(names: readonly string[], field = "path"): void {
  if (names.some((name) => name.toLowerCase() === ".git"))
    throw refused("Only a person may change .git", field);
}

/** Whether to create missing folders, and whether the session contains untrusted content. */
export interface WriteContext {
  readonly folders: boolean;
  readonly tainted: boolean;
}

/** Options of reads. */
const readOnlyContext: WriteContext = { folders: false, tainted: false };

/**
 * One shared folder. Opens each component of a path from the descriptor of its parent and never follows a link, so
 * that concurrent changes cannot lead outside.
 */
export class SharedTree {
  readonly #root: string;
  readonly #marks: OutsideMarks;
  readonly #writtenByOthers: boolean;

  constructor({ path, writtenByOthers = false }: SharedFolder, marks: OutsideMarks) {
    this.#root = path;
    this.#marks = marks;
    this.#writtenByOthers = writtenByOthers;
  }

  /** True when a file, or the name of a folder, may contain untrusted content. */
  #isOutside(stat: BigIntStats): boolean {
    return this.#writtenByOthers || this.#marks.has(stat);
  }

  /** Opens a folder and runs `use`, whose `at(name)` is a path to an entry of it that no rename can redirect. */
  async #inFolder<T>(
    folders: readonly string[],
    context: WriteContext,
    use: (at: (name: string) => string, folder: FileHandle) => Promise<T>,
  ): Promise<T> {
    let folder = await open(this.#root, directoryFlags);
    try {
      for (const name of folders) {
        const path = `/proc/self/fd/${folder.fd}/${name}`;
        if (context.folders) await this.#makeFolder(path, context.tainted);
        const next = await open(path, directoryFlags);
        await folder.close();
        folder = next;
      }
      return await use((name) => `/proc/self/fd/${folder.fd}/${name}`, folder);
    } finally {
      await folder.close();
    }
  }

  async #makeFolder(path: string, tainted: boolean): Promise<void> {
    try {
      await mkdir(path);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return;
      throw error;
    }
    if (tainted) this.#marks.add(await statOf(path));
  }

  /** Throws before a tainted session changes anything, when no mark is left. */
  #requireMarkCapacity({ tainted }: WriteContext): void {
    if (tainted && this.#marks.full)
      throw refused(
        `Sessions with untrusted content can write at most ${filesLimits.marks} files and folders`,
      );
  }

  async #atPath<T>(
    path: string,
    context: WriteContext,
    use: (path: string, at: (name: string) => string, folder: FileHandle) => Promise<T>,
    field = "path",
  ): Promise<T> {
    const names = pathComponents(path, field);
    const last = names.pop();
    if (last === undefined) throw refused("The path is the shared folder itself", field);
    return this.#inFolder(names, context, (at, folder) => use(at(last), at, folder));
  }

  async list(path: string, after: string, limit: number) {
    return this.#inFolder(pathComponents(path), readOnlyContext, async (at) => {
      const names: string[] = [];
      for await (const { name } of await opendir(at("."))) {
        if (names.length >= filesLimits.names) {
          throw refused(`The folder has more than ${filesLimits.names} entries`);
        }
        if (!temporary.test(name)) names.push(name);
      }
      const remaining = names.sort().filter((name) => after === "" || name > after);
      const entries: object[] = [];
      let untrusted = false;
      for (const name of remaining.slice(0, limit)) {
        // Deleted since the folder was read.
        const stat = await statOf(at(name)).catch(() => undefined);
        if (stat === undefined) continue;
        // Names are content too.
        untrusted ||= this.#isOutside(stat);
        entries.push({ name, ...describeStat(stat) });
      }
      return { entries, more: remaining.length > limit, untrusted };
    });
  }

  async stat(path: string) {
    if (pathComponents(path).length === 0) {
      return this.#inFolder([], readOnlyContext, async (_at, folder) =>
        describeStat(await folder.stat({ bigint: true })),
      );
    }
    return this.#atPath(path, readOnlyContext, async (target) =>
      describeStat(await statAtPath(path, target)),
    );
  }

  /**
   * Reads up to `length` bytes from `offset`, with the size of the file and whether it may contain untrusted content.
   */
  async read(
    path: string,
    offset: number,
    length: number,
  ): Promise<{ bytes: Buffer; size: number; untrusted: boolean }> {
    return this.#atPath(path, readOnlyContext, async (target) => {
      const file = await open(target, fileFlags);
      try {
        const stat = await file.stat({ bigint: true });
        if (!stat.isFile() || requiresFolder(path)) throw refused("This is not a file");
        const size = Number(stat.size);
        const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
        let filled = 0;
        while (filled < buffer.length) {
          const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return { bytes: buffer.subarray(0, filled), size, untrusted: this.#isOutside(stat) };
      } finally {
        await file.close();
      }
    });
  }

  /** Writes atomically, even across a crash. Returns the size of the file. */
  async write(path: string, content: Buffer, mode: "create" | "replace" | "append", context: WriteContext) {
    this.#requireMarkCapacity(context);
    refuseGitDirectory(pathComponents(path));
    if (requiresFolder(path)) throw refused("A file name cannot end with a slash");
    return this.#atPath(path, context, async (target, at, folder) => {
      const existing = await statOf(target).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      });
      if (existing !== undefined) {
        if (mode === "create") throw refused("A file or folder of that name exists already");
        if (!existing.isFile()) throw refused("This is not a file");
      }
      let newContent = content;
      let { tainted } = context;
      if (mode === "append" && existing !== undefined) {
        if (Number(existing.size) + content.length > filesLimits.appendedBytes) {
          throw refused(`Appending is limited to files of ${filesLimits.appendedBytes} bytes`);
        }
        const { bytes, untrusted } = await this.read(path, 0, filesLimits.appendedBytes);
        newContent = Buffer.concat([bytes, content]);
        tainted ||= untrusted;
      }
      await removeStaleTemporaries(at);
      const temporaryPath = at(`.holdfast-${randomBytes(8).toString("hex")}.tmp`);
      try {
        const file = await open(temporaryPath, "wx", 0o644);
        try {
          await file.writeFile(newContent);
          if (existing !== undefined) await file.chmod(Number(existing.mode) & 0o777);
          await file.sync();
          // Marked before it becomes visible under its name.
          if (tainted) this.#marks.add(await file.stat({ bigint: true }));
        } finally {
          await file.close();
        }
        if (mode === "create") await renameFileWithoutOverwrite(temporaryPath, target);
        else await rename(temporaryPath, target);
      } catch (error) {
        await this.#unlink(temporaryPath).catch(() => {});
        throw error;
      }
      if (existing !== undefined) this.#removeMark(existing);
      await folder.sync();
      return newContent.length;
    });
  }

  async #unlink(path: string): Promise<void> {
    const stat = await statOf(path);
    await unlink(path);
    this.#removeMark(stat);
  }

  /** Removes the mark of a removed file, unless another hard link still leads to it. */
  #removeMark(stat: BigIntStats): void {
    if (stat.isDirectory() || stat.nlink <= 1n) this.#marks.remove(stat);
  }

  async move(from: string, to: string, context: WriteContext): Promise<void> {
    this.#requireMarkCapacity(context);
    const [fromNames, toNames] = [pathComponents(from, "from"), pathComponents(to, "to")];
    refuseGitDirectory(fromNames, "from");
    refuseGitDirectory(toNames, "to");
    // Checked before missing folders are created, which would be inside the moved one.
    if (
      fromNames.length > 0 &&
      toNames.length > fromNames.length &&
      fromNames.every((name, at) => name === toNames[at])
    )
      throw refused("A folder cannot be moved into itself", "to");
    await this.#atPath(
      from,
      readOnlyContext,
      async (source, _at, before) => {
        const stat = await statAtPath(from, source, "from");
        if (!stat.isFile() && !stat.isDirectory())
          throw refused("Only files and folders can be moved", "from");
        if (requiresFolder(to) && !stat.isDirectory())
          throw refused("A file name cannot end with a slash", "to");
        await this.#atPath(
          to,
          context,
          async (target, _there, after) => {
            // The new name is content of the session. Marked before it is visible.
            const marked = context.tainted && !this.#marks.has(stat);
            if (marked) this.#marks.add(stat);
            try {
              await moveWithoutOverwrite(target, source, stat);
            } catch (error) {
              if (marked) this.#marks.remove(stat);
              throw error;
            }
            await after.sync();
            await before.sync();
          },
          "to",
        );
      },
      "from",
    );
  }

  async delete(path: string): Promise<void> {
    await this.#atPath(path, readOnlyContext, async (target, _at, folder) => {
      const stat = await statAtPath(path, target);
      if (stat.isDirectory()) {
        // Temporary files, which `list` hides, must not make the folder count as non-empty.
        await this.#inFolder(pathComponents(path), readOnlyContext, removeStaleTemporaries);
        await rmdir(target);
      } else await unlink(target);
      this.#removeMark(stat);
      await folder.sync();
    });
  }
}

/** Deletes the temporary files of killed writes. */
async function removeStaleTemporaries(at: (name: string) => string): Promise<void> {
  const before = Date.now() - staleTemporaryMs;
  for await (const { name } of await opendir(at("."))) {
    if (!temporary.test(name)) continue;
    // Another call may have deleted it.
    const stat = await lstat(at(name)).catch(() => undefined);
    if (stat?.isFile() === true && stat.mtimeMs < before) await unlink(at(name)).catch(() => {});
  }
}

async function moveWithoutOverwrite(target: string, source: string, stat: BigIntStats): Promise<void> {
  if (stat.isFile()) return renameFileWithoutOverwrite(source, target);
  if (await exists(target)) throw refused("A file or folder of that name exists already", "to");
  await rename(source, target);
}

/** Renames a file unless the target exists. An existing link counts as a target and is not followed. */
async function renameFileWithoutOverwrite(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    // The file system has no hard links, or the file has another owner.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"].includes(String(codeOf(error)))) throw error;
    if (await exists(target)) throw refused("A file or folder of that name exists already");
    await rename(source, target);
    return;
  }
  await unlink(source);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function statOf(path: string): Promise<BigIntStats> {
  return lstat(path, { bigint: true });
}

/** Inspects `target`. Throws when `path` asks for a folder and it is none. */
async function statAtPath(path: string, target: string, field = "path"): Promise<BigIntStats> {
  const stat = await statOf(target);
  if (requiresFolder(path) && !stat.isDirectory()) throw refused("This is not a folder", field);
  return stat;
}

function describeStat(stat: BigIntStats) {
  const type = stat.isFile()
    ? "file"
    : stat.isDirectory()
      ? "folder"
      : stat.isSymbolicLink()
        ? "link"
        : "other";
  return {
    type,
    ...(type === "file" ? { size: Number(stat.size) } : {}),
    modified: stat.mtime.toISOString(),
  };
}
