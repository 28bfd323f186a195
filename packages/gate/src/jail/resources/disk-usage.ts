import { execFile } from "node:child_process";
import { readdir, readlink, stat, statfs } from "node:fs/promises";

/** What is below some paths of the host, and what a jail's processes hold open of what is there no more. */
export interface DiskUse {
  /** Blocks that are taken, so a file with holes counts for what it really takes. */
  readonly bytes: number;
  /** Files, directories and whatever else has a name. */
  readonly entries: number;
  /** True where not all of it could be looked at: then the numbers are too small. */
  readonly hidden: boolean;
}

/** Of the file systems that hold some paths, together. Asking costs nothing, unlike to measure. */
export interface DiskSpace {
  readonly usedBytes: number;
  readonly usedEntries: number;
  /** On the fullest of them. */
  readonly freeBytes: number;
}

const measureTimeoutMs = 60_000;

/** The measure of coreutils: it follows no link, stays on its file system and counts hard links once. */
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
        // What disappears while it is counted is no fault; what may not be looked at is.
        const faults = stderr.split("\n").some((line) => line !== "" && !/No such file/.test(line));
        const cut = error?.killed === true || signal.aborted || numbers.length === 0;
        resolve({ sum: numbers.reduce((sum, each) => sum + each, 0), hidden: cut || faults });
      },
    );
  });
}

/**
 * How many names there are below `paths`: what stands in for {@link du} where it counts no inodes (macOS). A file with
 * two names counts twice, so a bound is met sooner, never later.
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

/** Bytes of files without a name that these processes hold open on one of `devices`. */
async function deletedBytes(pids: readonly number[], devices: ReadonlySet<number>): Promise<number> {
  const files = new Map<string, number>();
  for (const pid of pids) {
    // A process that ends meanwhile holds nothing any more.
    const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const name of names) {
      const path = `/proc/${pid}/fd/${name}`;
      try {
        if (!(await readlink(path)).endsWith(" (deleted)")) continue;
        const { dev, ino, blocks } = await stat(path);
        if (devices.has(dev)) files.set(`${dev}:${ino}`, blocks * 512);
      } catch {
        // It was closed meanwhile.
      }
    }
  }
  return [...files.values()].reduce((sum, each) => sum + each, 0);
}

const countEntries = (paths: readonly string[], signal: AbortSignal) =>
  process.platform === "darwin" ? countNames(paths, signal) : du("--inodes", paths, signal);

/**
 * Measures what is below `paths` and what the processes `pids` hold open; entries only where asked for. Once `signal`
 * is aborted nothing is looked at any more, and all of it is hidden.
 */
export async function measureDisk(
  paths: readonly string[],
  pids: readonly number[],
  withEntries: boolean,
  signal: AbortSignal,
): Promise<DiskUse> {
  const devices = new Set<number>();
  for (const path of paths) devices.add((await stat(path).catch(() => undefined))?.dev ?? -1);
  const [kilobytes, entries, deleted] = await Promise.all([
    du("-k", paths, signal),
    withEntries ? countEntries(paths, signal) : { sum: 0, hidden: false },
    deletedBytes(pids, devices),
  ]);
  return {
    bytes: kilobytes.sum * 1024 + deleted,
    entries: entries.sum,
    hidden: kilobytes.hidden || entries.hidden,
  };
}

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
      // The host took the directory away: nothing is written there.
    }
  }
  return { usedBytes, usedEntries, freeBytes };
}
