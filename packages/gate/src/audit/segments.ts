import { createWriteStream } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { finished, pipeline } from "node:stream/promises";

/** A closed file of the log, which is never written again. */
export interface ClosedSegment {
  readonly path: string;
  /** Sequence number of its first record. */
  readonly first: number;
  /** Bytes of the log in the files before it. */
  readonly base: number;
  readonly size: number;
}

const width = 12;

/** Path of the closed file whose first record is `first`. Names sort in the order of the records. */
export function closedPath(path: string, first: number): string {
  return `${path.replace(/\.log$/, "")}.${String(first).padStart(width, "0")}.log`;
}

/** Closed files of a log, in order. */
export async function closedSegments(path: string): Promise<readonly ClosedSegment[]> {
  const names = await readdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const stem = `${basename(path).replace(/\.log$/, "")}.`;
  const found: ClosedSegment[] = [];
  let base = 0;
  for (const name of names.filter((each) => each.startsWith(stem)).sort()) {
    const digits = name.slice(stem.length).replace(/\.log$/, "");
    if (!/^\d{12}$/.test(digits) || !name.endsWith(".log")) continue;
    const full = join(dirname(path), name);
    const size = await sizeOf(full);
    found.push({ path: full, first: Number(digits), base, size });
    base += size;
  }
  return found;
}

async function sizeOf(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** One file to read, with the bytes of the log before it. */
export interface Segment {
  /** Base name of the file. */
  readonly name: string;
  readonly file: FileHandle;
  readonly base: number;
}

/**
 * Opens the files of a log in order. The current file is opened first: if it is closed while the others are listed, it
 * is still read exactly once and no file is skipped.
 */
export async function* openSegments(path: string): AsyncGenerator<Segment> {
  const current = await openIfThere(path);
  try {
    const inode = current === undefined ? undefined : (await current.stat({ bigint: true })).ino;
    let base = 0;
    for (const { path: closed, size } of await closedSegments(path)) {
      const file = await open(closed, "r");
      try {
        if ((await file.stat({ bigint: true })).ino === inode) break;
        yield { name: basename(closed), file, base };
      } finally {
        await file.close();
      }
      base += size;
    }
    if (current !== undefined) yield { name: basename(path), file: current, base };
  } finally {
    await current?.close();
  }
}

/** Copies a consistent set of a log's files into another folder, also while a gate writes it. */
export async function copyAuditLog(path: string, folder: string): Promise<void> {
  for await (const { name, file } of openSegments(path)) {
    const { size } = await file.stat();
    const target = createWriteStream(join(folder, name), { mode: 0o600 });
    if (size === 0) await finished(target.end());
    else await pipeline(file.createReadStream({ start: 0, end: size - 1, autoClose: false }), target);
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
