/**
 * Disks of machines on the host: their folders, and the snapshots that are kept with the actor. Programs inside may be
 * changing the folders at any time, so only this room reads them, and never through a link.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink } from "node:fs/promises";

/** One entry of a folder: a folder, a file or a link. Others are left out. */
export interface WalkedEntry {
  /** Relative to the root; never empty. */
  readonly path: string;
  readonly kind: "folder" | "file" | "link";
  /** Permission bits. */
  readonly mode: number;
  readonly modifiedAt: number;
  readonly size: number;
  /** Changes whenever the content may have changed. */
  readonly signature: string;
  /** Of a link. */
  readonly target?: string;
  /** Opens the file as it is now; undefined if it is no longer there, or no file. Only during the walk. */
  open(): Promise<FileHandle | undefined>;
}

const openFolder = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// A pipe that has taken the place of a file must not block.
const openFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const maxDepth = 200;
const statsAtOnce = 64;

/**
 * Walks a folder, parents first. On Linux each step starts at an open folder, so that replacing one by a link leads
 * nowhere else. Elsewhere nothing may run in the machine meanwhile. Names that are not UTF-8, and what may not be
 * read, are left out.
 */
export async function* walk(root: string): AsyncGenerator<WalkedEntry> {
  const handle = await open(root, openFolder);
  try {
    yield* walkFolder(handle, root, "", 0);
  } finally {
    await handle.close();
  }
}

async function* walkFolder(
  handle: FileHandle,
  place: string,
  prefix: string,
  depth: number,
): AsyncGenerator<WalkedEntry> {
  const base = process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : place;
  const names = (await readdir(base)).filter((name) => !name.includes("\ufffd")).sort();
  for (let at = 0; at < names.length; at += statsAtOnce) {
    const some = names.slice(at, at + statsAtOnce);
    const entries = await Promise.all(some.map((name) => describe(base, prefix, name)));
    for (const entry of entries) {
      if (entry === undefined) continue;
      yield entry;
      if (entry.kind !== "folder" || depth === maxDepth) continue;
      const name = entry.path.slice(prefix.length);
      const child = await open(`${base}/${name}`, openFolder).catch(() => undefined);
      if (child === undefined) continue;
      try {
        yield* walkFolder(child, `${place}/${name}`, `${entry.path}/`, depth + 1);
      } finally {
        await child.close();
      }
    }
  }
}

async function describe(base: string, prefix: string, name: string): Promise<WalkedEntry | undefined> {
  const path = `${base}/${name}`;
  const stat = await lstat(path, { bigint: true }).catch(() => undefined);
  if (stat === undefined) return undefined;
  const kind = stat.isDirectory()
    ? "folder"
    : stat.isFile()
      ? "file"
      : stat.isSymbolicLink()
        ? "link"
        : undefined;
  if (kind === undefined) return undefined;
  const target = kind === "link" ? await readlink(path).catch(() => undefined) : undefined;
  if (kind === "link" && target === undefined) return undefined;
  return {
    path: prefix + name,
    kind,
    mode: Number(stat.mode) & 0o777,
    modifiedAt: Number(stat.mtimeMs),
    size: Number(stat.size),
    signature: `${stat.ino}:${stat.ctimeNs}:${stat.size}`,
    ...(target === undefined ? {} : { target }),
    open: () => openIfFile(path),
  };
}

async function openIfFile(path: string): Promise<FileHandle | undefined> {
  const handle = await open(path, openFile).catch(() => undefined);
  if (handle === undefined) return undefined;
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}
