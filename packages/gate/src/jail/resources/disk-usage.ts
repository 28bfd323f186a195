import { execFile } from "node:child_process";
import { readdir, readlink, stat, statfs } from "node:fs/promises";

/** Content below some host paths, with the deleted files that processes of a jail hold open. */
export interface DiskUsage {
  /** Allocated blocks, so that a sparse file counts with the space it uses. */
  readonly bytes: number;
  /** Files, directories and other names. */
  readonly entries: number;
  /** True where not everything could be read, so that the numbers are too small. */
  readonly hidden: boolean;
}

/** Usage of the file systems of some paths, summed. Unlike measuring the content, asking for it is cheap. */
export interface DiskSpace {
  readonly usedBytes: number;
  readonly usedEntries: number;
  /** On the file system with the least space left. */
  readonly freeBytes: number;
}

const measureTimeoutMs = 60_000;

/** Runs du, which follows no links, stays on one file system and counts hard links once. */
function du(
  option: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<{ sum: number; hidden: boolean }> {
  return new Promise((resolve) => {
    execFile(
      "du",
      ["-sx", option, "--", ...paths],
      {
        ...{ env: { LC_ALL: "C", PATH: "/usr/bin:/bin" }, maxBuffer: 1024 * 1024 },
        ...{ timeout: measureTimeoutMs, signal },
      },
      (error, stdout, stderr) => {
        const numbers = [...stdout.matchAll(/^(\d+)\t/gm)].map((match) => Number(match[1]));
        // A file that disappears while it is counted is fine; one that cannot be read is not.
        const faults = stderr.split("\n").some((line) => line !== "" && !/No such file/.test(line));
        const cut = error?.killed === true || signal.aborted || numbers.length === 0;
        resolve({ sum: numbers.reduce((sum, each) => sum + each, 0), hidden: cut || faults });
      },
    );
  });
}

/**
 * Counts the names below `paths`, for systems whose du has no --inodes (macOS). A file with two names counts twice, so a
 * limit may be met early, never late.
 */
export function countNames(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<{ sum: number; hidden: boolean }> {
  return new Promise((resolve) => {
    execFile(
      "/bin/sh",
      ["-c", 'find "$@" -xdev | wc -l', "sh", ...paths],
      { env: { LC_ALL: "C", PATH: "/usr/bin:/bin" }, timeout: measureTimeoutMs, signal },
      (error, stdout, stderr) => {
        const sum = Number.parseInt(stdout, 10);
        const faults = stderr.split("\n").some((line) => line !== "" && !/No such file/.test(line));
        const cut = error !== null || signal.aborted || Number.isNaN(sum);
        resolve({ sum: Number.isNaN(sum) ? 0 : sum, hidden: cut || faults });
      },
    );
  });
}

/** Bytes of deleted files on `devices` that these processes hold open. */
async function deletedBytes(
  pids: readonly number[],
  devices: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<number> {
  const deleted: string[] = [];
  for (const pid of pids) {
    // A process that has ended holds nothing.
    const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const name of names) {
      const path = `/proc/${pid}/fd/${name}`;
      const target = await readlink(path).catch(() => "");
      if (target.endsWith(" (deleted)")) deleted.push(path);
    }
  }
  const files = new Map<string, number>();
  for (let at = 0; at < deleted.length; at += filesPerStat) {
    const described = await statInChild(deleted.slice(at, at + filesPerStat), signal);
    for (const { dev, ino, blocks } of described)
      if (devices.has(dev)) files.set(`${dev}:${ino}`, blocks * 512);
  }
  return [...files.values()].reduce((sum, each) => sum + each, 0);
}

const filesPerStat = 1_000;

/**
 * Describes files in a process of its own: a deleted file may be on a file system that this process serves, which would
 * wait for itself. Files that were closed meanwhile are left out.
 */
function statInChild(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly dev: number; readonly ino: string; readonly blocks: number }[]> {
  return new Promise((resolve) => {
    execFile(
      "stat",
      ["-L", "-c", "%d %i %b", "--", ...paths],
      {
        ...{ env: { LC_ALL: "C", PATH: "/usr/bin:/bin" }, maxBuffer: 1024 * 1024 },
        ...{ timeout: measureTimeoutMs, signal },
      },
      (_error, stdout) => {
        const found = stdout.matchAll(/^(\d+) (\d+) (\d+)$/gm);
        resolve(
          [...found].map(([, dev, ino = "", blocks]) => ({ ino, dev: Number(dev), blocks: Number(blocks) })),
        );
      },
    );
  });
}

const countEntries = (paths: readonly string[], signal: AbortSignal) =>
  process.platform === "darwin" ? countNames(paths, signal) : du("--inodes", paths, signal);

/**
 * Measures the content of `paths` and the deleted files that `pids` hold open; counts entries only if `withEntries`. An
 * aborted `signal` ends the measurement, whose result is then `hidden`.
 */
export async function measureDisk(
  paths: readonly string[],
  pids: readonly number[],
  withEntries: boolean,
  signal: AbortSignal,
): Promise<DiskUsage> {
  const devices = new Set<number>();
  for (const path of paths) devices.add((await stat(path).catch(() => undefined))?.dev ?? -1);
  const [kilobytes, entries, deleted] = await Promise.all([
    du("-k", paths, signal),
    withEntries ? countEntries(paths, signal) : { sum: 0, hidden: false },
    deletedBytes(pids, devices, signal),
  ]);
  return {
    bytes: kilobytes.sum * 1024 + deleted,
    entries: entries.sum,
    hidden: kilobytes.hidden || entries.hidden,
  };
}

/** Usage and free space of the file systems of `paths`. */
export async function diskSpace(paths: readonly string[]): Promise<DiskSpace> {
  const seen = new Set<number>();
  let [usedBytes, usedEntries, freeBytes] = [0, 0, Number.POSITIVE_INFINITY];
  for (const path of paths) {
    try {
      const { dev } = await stat(path);
      if (seen.has(dev)) continue;
      seen.add(dev);
      const space = await statfs(path);
      usedBytes += (space.blocks - space.bfree) * space.bsize;
      usedEntries += space.files - space.ffree;
      freeBytes = Math.min(freeBytes, space.bavail * space.bsize);
    } catch {
      // The directory is gone.
    }
  }
  return { usedBytes, usedEntries, freeBytes };
}
