import { randomBytes } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, opendir, rename, rmdir, unlink } from "node:fs/promises";
import { type SharedFolder, ToolError } from "@holdfast/gate/plugin";
import type { OutsideMarks } from "./outside-marks.ts";

/** Sizes are bytes. */
export const filesLimits = {
  readBytes: 256 * 1024,
  writeBytes: 100 * 1024,
  /** Of a file that is appended to. */
  appendedBytes: 16 * 1024 * 1024,
  entries: 500,
  /** Names of a folder that are looked at. */
  names: 50_000,
  depth: 32,
  nameBytes: 255,
  /** Files and folders of sessions with words from outside. */
  marks: 500_000,
} as const;

const temporary = /^\.holdfast-[0-9a-f]{16}\.tmp$/;
/** No write takes as long: what is older is of one that was killed with its process. */
const unfinishedMs = 10 * 60_000;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// A pipe would keep whoever opens it waiting.
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function refused(message: string, field = "path"): ToolError {
  return new ToolError({ code: "HANDLER_ERROR", message, field });
}

/** What the kernel said, in words that tell no path of the host. */
export function reasonOf(error: unknown): ToolError {
  if (error instanceof ToolError) return error;
  switch (codeOf(error)) {
    case "ENOENT":
      return refused("There is no such file or folder");
    case "ENOTDIR":
    case "ELOOP":
      return refused("A part of the path is a link or no folder");
    case "EEXIST":
      return refused("Something is there already");
    case "ENOTEMPTY":
      return refused("The folder is not empty");
    case "EISDIR":
      return refused("This is a folder");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return refused("The file system does not allow it");
    case "ENOSPC":
    case "EDQUOT":
      return refused("There is no space left");
    default:
      throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : undefined;
}

/** The names on the way. A path that could be read in two ways is refused. */
export function namesOf(path: string, field = "path"): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (path.startsWith("/") || path.includes("\0") || !path.isWellFormed() || names.includes("..")) {
    throw refused("A path begins in the shared folder and has no ..", field);
  }
  if (names.length > filesLimits.depth) throw refused(`More than ${filesLimits.depth} folders deep`, field);
  if (names.some((name) => Buffer.byteLength(name) > filesLimits.nameBytes || temporary.test(name))) {
    throw refused("Not a name of a file", field);
  }
  return names;
}

/** A slash at the end asks for a folder, and is no part of a file's name. */
function asksForFolder(path: string): boolean {
  return /\/\.?$/.test(path);
}

/** Git runs what a repository's own settings name, as whoever looks at the folder next. */
function keepFromSettings(names: readonly string[], field = "path"): void {
  if (names.some((name) => name.toLowerCase() === ".git"))
    throw refused("What git keeps in .git is a person's to change", field);
}

/** Whether missing folders are made, and whether words from outside are in the session for which it is done. */
export interface Making {
  readonly folders: boolean;
  readonly tainted: boolean;
}

/** Of what only looks. */
const madeByNone: Making = { folders: false, tainted: false };

/**
 * One shared folder. Each component of a path is opened from the descriptor of the one before and
 * never through a link, so that a tree that changes meanwhile leads nowhere else.
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

  /** Whether words from outside may be in a file, or in the name of a folder. */
  #isOutside(stat: BigIntStats): boolean {
    return this.#writtenByOthers || this.#marks.has(stat);
  }

  /** Runs `use` with a path by which the kernel finds `name` in the folder that holds it. */
  async #in<T>(
    folders: readonly string[],
    make: Making,
    use: (at: (name: string) => string, folder: FileHandle) => Promise<T>,
  ): Promise<T> {
    let folder = await open(this.#root, directoryFlags);
    try {
      for (const name of folders) {
        const path = `/proc/self/fd/${folder.fd}/${name}`;
        if (make.folders) await this.#makeFolder(path, make.tainted);
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

  /** Before anything is changed for a session whose words are to be known again. */
  #roomFor({ tainted }: Making): void {
    if (tainted && this.#marks.full)
      throw refused(`Sessions with words from outside have at most ${filesLimits.marks} files and folders`);
  }

  async #at<T>(
    path: string,
    make: Making,
    use: (path: string, at: (name: string) => string, folder: FileHandle) => Promise<T>,
    field = "path",
  ): Promise<T> {
    const names = namesOf(path, field);
    const last = names.pop();
    if (last === undefined) throw refused("The path names the shared folder itself", field);
    return this.#in(names, make, (at, folder) => use(at(last), at, folder));
  }

  async list(path: string, after: string, limit: number) {
    return this.#in(namesOf(path), madeByNone, async (at) => {
      const names: string[] = [];
      for await (const { name } of await opendir(at("."))) {
        if (names.length >= filesLimits.names) {
          throw refused(`The folder has more than ${filesLimits.names} entries`);
        }
        if (!temporary.test(name)) names.push(name);
      }
      const left = names.sort().filter((name) => after === "" || name > after);
      const shown: object[] = [];
      let untrusted = false;
      for (const name of left.slice(0, limit)) {
        // What went meanwhile is not there.
        const stat = await statOf(at(name)).catch(() => undefined);
        if (stat === undefined) continue;
        // A name is words too.
        untrusted ||= this.#isOutside(stat);
        shown.push({ name, ...told(stat) });
      }
      return { entries: shown, more: left.length > limit, untrusted };
    });
  }

  async stat(path: string) {
    if (namesOf(path).length === 0) {
      return this.#in([], madeByNone, async (_at, folder) => told(await folder.stat({ bigint: true })));
    }
    return this.#at(path, madeByNone, async (place) => told(await statAs(path, place)));
  }

  /** At most `length` bytes from `offset` on, the size of the whole, and whether words from outside may be in it. */
  async read(
    path: string,
    offset: number,
    length: number,
  ): Promise<{ bytes: Buffer; size: number; untrusted: boolean }> {
    return this.#at(path, madeByNone, async (place) => {
      const file = await open(place, fileFlags);
      try {
        const stat = await file.stat({ bigint: true });
        if (!stat.isFile() || asksForFolder(path)) throw refused("This is no file");
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

  /** The file is there whole or as it was, also after a crash. Returns its size. */
  async write(path: string, content: Buffer, mode: "create" | "replace" | "append", make: Making) {
    this.#roomFor(make);
    keepFromSettings(namesOf(path));
    if (asksForFolder(path)) throw refused("The name of a file has no slash at its end");
    return this.#at(path, make, async (place, at, folder) => {
      const present = await statOf(place).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      });
      if (present !== undefined) {
        if (mode === "create") throw refused("Something is there already");
        if (!present.isFile()) throw refused("This is no file");
      }
      let whole = content;
      let { tainted } = make;
      if (mode === "append" && present !== undefined) {
        if (Number(present.size) + content.length > filesLimits.appendedBytes) {
          throw refused(`A file that is appended to has at most ${filesLimits.appendedBytes} bytes`);
        }
        const { bytes, untrusted } = await this.read(path, 0, filesLimits.appendedBytes);
        whole = Buffer.concat([bytes, content]);
        tainted ||= untrusted;
      }
      await removeUnfinished(at);
      const fresh = at(`.holdfast-${randomBytes(8).toString("hex")}.tmp`);
      try {
        const file = await open(fresh, "wx", 0o644);
        try {
          await file.writeFile(whole);
          if (present !== undefined) await file.chmod(Number(present.mode) & 0o777);
          await file.sync();
          // Before anybody finds it by its name.
          if (tainted) this.#marks.add(await file.stat({ bigint: true }));
        } finally {
          await file.close();
        }
        if (mode === "create") await giveName(fresh, place);
        else await rename(fresh, place);
      } catch (error) {
        await this.#unlink(fresh).catch(() => {});
        throw error;
      }
      if (present !== undefined) this.#forget(present);
      await folder.sync();
      return whole.length;
    });
  }

  async #unlink(path: string): Promise<void> {
    const stat = await statOf(path);
    await unlink(path);
    this.#forget(stat);
  }

  /** Of what has lost a name: another name would still lead to it. */
  #forget(stat: BigIntStats): void {
    if (stat.isDirectory() || stat.nlink <= 1n) this.#marks.remove(stat);
  }

  async move(from: string, to: string, make: Making): Promise<void> {
    this.#roomFor(make);
    const [moved, goal] = [namesOf(from, "from"), namesOf(to, "to")];
    keepFromSettings(moved, "from");
    keepFromSettings(goal, "to");
    // Before folders are made on the way, which would be in it.
    if (moved.length > 0 && goal.length > moved.length && moved.every((name, at) => name === goal[at]))
      throw refused("It cannot go into itself", "to");
    await this.#at(
      from,
      madeByNone,
      async (source, _at, before) => {
        const stat = await statAs(from, source, "from");
        if (!stat.isFile() && !stat.isDirectory()) throw refused("Only files and folders are moved", "from");
        if (asksForFolder(to) && !stat.isDirectory())
          throw refused("The name of a file has no slash at its end", "to");
        await this.#at(
          to,
          make,
          async (target, _there, after) => {
            // Its name is words of the session, before anybody sees it.
            const marked = make.tainted && !this.#marks.has(stat);
            if (marked) this.#marks.add(stat);
            try {
              await moveTo(target, source, stat);
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
    await this.#at(path, madeByNone, async (place, _at, folder) => {
      const stat = await statAs(path, place);
      if (stat.isDirectory()) {
        // What no list shows keeps no folder from being empty.
        await this.#in(namesOf(path), madeByNone, removeUnfinished);
        await rmdir(place);
      } else await unlink(place);
      this.#forget(stat);
      await folder.sync();
    });
  }
}

/** Takes away what writes that were killed have left in a folder. */
async function removeUnfinished(at: (name: string) => string): Promise<void> {
  const before = Date.now() - unfinishedMs;
  for await (const { name } of await opendir(at("."))) {
    if (!temporary.test(name)) continue;
    // Another call may have taken it away meanwhile.
    const stat = await lstat(at(name)).catch(() => undefined);
    if (stat?.isFile() === true && stat.mtimeMs < before) await unlink(at(name)).catch(() => {});
  }
}

async function moveTo(target: string, source: string, stat: BigIntStats): Promise<void> {
  if (stat.isFile()) return giveName(source, target);
  if (await isThere(target)) throw refused("Something is there already", "to");
  await rename(source, target);
}

/** Gives a file its name where nothing has it; a link is taken for nothing else, and not followed. */
async function giveName(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    // File systems without hard links, or files of somebody else.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"].includes(String(codeOf(error)))) throw error;
    if (await isThere(target)) throw refused("Something is there already");
    await rename(source, target);
    return;
  }
  await unlink(source);
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function statOf(path: string): Promise<BigIntStats> {
  return lstat(path, { bigint: true });
}

/** What is at `place`, which `path` asked for. */
async function statAs(path: string, place: string, field = "path"): Promise<BigIntStats> {
  const stat = await statOf(place);
  if (asksForFolder(path) && !stat.isDirectory()) throw refused("This is no folder", field);
  return stat;
}

function told(stat: BigIntStats) {
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
