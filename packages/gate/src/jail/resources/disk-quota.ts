import { setTimeout as delay } from "node:timers/promises";
import { withDescendants } from "../host/processes.ts";
import type { Jail, JailExit, JailSpec, JailUsage } from "../jail.ts";
import { type DiskSpace, type DiskUsage, diskSpace, measureDisk } from "./disk-usage.ts";

/**
 * Bounds of the disk quota of jails, which works on any file system and for any user: a jail is ended when its counted
 * writable mounts are measured to hold more than their limit. Asking a file system for its free space is cheap, so that
 * is polled; the mounts are measured only when enough was written, by anyone, to exceed the limit.
 *
 * Unlike a kernel quota, a jail can exceed it by what it writes between two checks. Space that the measure cannot see
 * (unnamed files that are only mapped) still meets the free-space floor of the file system.
 */
export const diskWatchLimits = {
  /** The assumed highest speed of writing: the next check is due before it could reach the limit. */
  bytesPerSecond: 4 * 1024 ** 3,
  entriesPerSecond: 200_000,
  minIntervalMs: 25,
  maxIntervalMs: 1_000,
  /** Measures again after this time, since others may delete as much as the jail writes. */
  measureAgainMs: 60_000,
  /** A jail that wrote this much is ended when the file system has less than this left. */
  floorBytes: 64 * 1024 * 1024,
} as const;

interface Bounds {
  readonly bytes: number;
  readonly entries: number;
}

/** Host paths of the writable mounts of a jail, and those of them that count towards its limits. */
interface WritablePaths {
  readonly writable: readonly string[];
  readonly counted: readonly string[];
}

/** How free space and content are determined. */
export interface DiskProbe {
  readonly space: typeof diskSpace;
  readonly measure: typeof measureDisk;
}

/** Wraps a jail so that it ends with the reason `disk` above its limits; gives `jail` itself where it has none. */
export function enforceDiskQuota(
  jail: Jail,
  spec: JailSpec,
  probe: DiskProbe = { space: diskSpace, measure: measureDisk },
): Jail {
  const { diskBytes, diskEntries } = spec.limits ?? {};
  const writable = spec.mounts.filter(({ mode, remote }) => mode === "rw" && remote !== true);
  const paths: WritablePaths = {
    writable: writable.map(({ source }) => source),
    counted: writable.filter(({ uncounted }) => uncounted !== true).map(({ source }) => source),
  };
  if ((diskBytes === undefined && diskEntries === undefined) || paths.counted.length === 0) return jail;
  const bounds = {
    bytes: diskBytes ?? Number.POSITIVE_INFINITY,
    entries: diskEntries ?? Number.POSITIVE_INFINITY,
  };
  return new QuotaJail(jail, new DiskWatch(jail, paths, bounds, probe));
}

class QuotaJail implements Jail {
  readonly #jail: Jail;
  readonly #watch: DiskWatch;
  readonly exited: Promise<JailExit>;

  constructor(jail: Jail, watch: DiskWatch) {
    this.#jail = jail;
    this.#watch = watch;
    this.exited = jail.exited.then((exit) => {
      watch.end();
      return watch.exceeded === undefined ? exit : { ...exit, reason: "disk", detail: watch.exceeded };
    });
    if (jail.dialerPid !== undefined) this.dialerPid = jail.dialerPid;
    if (jail.relayPid !== undefined) this.relayPid = jail.relayPid;
    void watch.run();
  }

  readonly dialerPid?: number;
  readonly relayPid?: number;

  get id() {
    return this.#jail.id;
  }

  get pid() {
    return this.#jail.pid;
  }

  get stdin() {
    return this.#jail.stdin;
  }

  get stdout() {
    return this.#jail.stdout;
  }

  get stderr() {
    return this.#jail.stderr;
  }

  usage(): JailUsage {
    const bytes = this.#watch.measured?.bytes;
    return { ...this.#jail.usage(), ...(bytes === undefined ? {} : { diskBytes: bytes }) };
  }

  async stop(options?: { readonly graceMs?: number }): Promise<JailExit> {
    await this.#jail.stop(options);
    return this.exited;
  }
}

/** Polls free space, measures content when it may exceed the limit, and stops the jail when it does. */
class DiskWatch {
  /** Why the jail was ended. */
  exceeded: string | undefined;
  /** The last measurement. */
  measured: DiskUsage | undefined;
  readonly #jail: Jail;
  readonly #paths: WritablePaths;
  readonly #bounds: Bounds;
  readonly #probe: DiskProbe;
  readonly #ended = new AbortController();
  /** State of the file systems when the jail began, and before the last measurement. */
  #spaceAtStart: DiskSpace | undefined;
  #spaceWhenMeasured: DiskSpace | undefined;
  #measuredAt = 0;

  constructor(jail: Jail, paths: WritablePaths, bounds: Bounds, probe: DiskProbe) {
    this.#jail = jail;
    this.#paths = paths;
    this.#bounds = bounds;
    this.#probe = probe;
  }

  end(): void {
    this.#ended.abort();
  }

  async run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const now = await this.#probe.space(this.#paths.writable);
      this.#spaceAtStart ??= now;
      const reason =
        this.#tooFull(now) ?? (this.#mayExceed(now) ? await this.#measureWatchingSpace(now) : undefined);
      if (reason !== undefined && !this.#ended.signal.aborted) {
        this.exceeded = reason;
        await this.#jail.stop({ graceMs: 0 });
        return;
      }
      await delay(this.#interval(now), undefined, { ref: false, signal: this.#ended.signal }).catch(() => {});
    }
  }

  /** Watches free space while measuring, which takes long for many files. */
  async #measureWatchingSpace(before: DiskSpace): Promise<string | undefined> {
    const over = new AbortController();
    const measured = this.#measure(before).finally(() => over.abort());
    return (await this.#untilFull(before, AbortSignal.any([over.signal, this.#ended.signal]))) ?? measured;
  }

  /** Resolves with the reason as soon as a file system is too full; with undefined once `signal` is aborted. */
  async #untilFull(before: DiskSpace, signal: AbortSignal): Promise<string | undefined> {
    let now = before;
    for (;;) {
      const seconds = now.freeBytes / diskWatchLimits.bytesPerSecond;
      await delay(intervalOf(seconds), undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted) return undefined;
      now = await this.#probe.space(this.#paths.writable);
      const reason = this.#tooFull(now);
      if (reason !== undefined) return reason;
    }
  }

  #tooFull({ freeBytes, usedBytes }: DiskSpace): string | undefined {
    const { floorBytes } = diskWatchLimits;
    const grown = usedBytes - (this.#spaceAtStart?.usedBytes ?? usedBytes);
    if (freeBytes >= floorBytes || grown < floorBytes) return undefined;
    return `the file system of its mounts has ${freeBytes} bytes left, and ${grown} were written since the jail began`;
  }

  /** Upper bound of the current content: the last measurement, and everything written since. */
  #upperBound(now: DiskSpace): Bounds {
    const measured = this.measured;
    const then = this.#spaceWhenMeasured;
    if (measured === undefined || then === undefined) {
      return { bytes: Number.POSITIVE_INFINITY, entries: Number.POSITIVE_INFINITY };
    }
    return {
      bytes: measured.bytes + Math.max(0, now.usedBytes - then.usedBytes),
      entries: measured.entries + Math.max(0, now.usedEntries - then.usedEntries),
    };
  }

  #mayExceed(now: DiskSpace): boolean {
    if (this.measured === undefined) return true;
    const upper = this.#upperBound(now);
    if (upper.bytes > this.#bounds.bytes || upper.entries > this.#bounds.entries) return true;
    const same =
      now.usedBytes === this.#spaceWhenMeasured?.usedBytes &&
      now.usedEntries === this.#spaceWhenMeasured.usedEntries;
    return !same && performance.now() - this.#measuredAt > diskWatchLimits.measureAgainMs;
  }

  async #measure(before: DiskSpace): Promise<string | undefined> {
    const pids = withDescendants(this.#jail.pid).map(({ pid }) => pid);
    if (this.#jail.dialerPid !== undefined) pids.push(this.#jail.dialerPid);
    const upper = this.#upperBound(before);
    const withEntries = Number.isFinite(this.#bounds.entries);
    // Aborted when the jail ends, since counting many files takes long.
    const found = await this.#probe.measure(this.#paths.counted, pids, withEntries, this.#ended.signal);
    // Where not everything could be measured, the upper bound counts.
    const known = found.hidden && Number.isFinite(upper.bytes);
    this.measured = known
      ? {
          ...found,
          bytes: Math.max(found.bytes, upper.bytes),
          entries: Math.max(found.entries, upper.entries),
        }
      : found;
    this.#spaceWhenMeasured = before;
    this.#measuredAt = performance.now();
    const { bytes, entries } = this.measured;
    if (bytes > this.#bounds.bytes) {
      return `its writable mounts hold ${bytes} bytes; the limit is ${this.#bounds.bytes}`;
    }
    if (entries > this.#bounds.entries) {
      return `its writable mounts hold ${entries} files; the limit is ${this.#bounds.entries}`;
    }
    return undefined;
  }

  #interval(now: DiskSpace): number {
    const { bytesPerSecond, entriesPerSecond } = diskWatchLimits;
    const upper = this.#upperBound(now);
    const seconds = Math.min(
      (this.#bounds.bytes - upper.bytes) / bytesPerSecond,
      (this.#bounds.entries - upper.entries) / entriesPerSecond,
      now.freeBytes / bytesPerSecond,
    );
    return intervalOf(seconds);
  }
}

/** Milliseconds until the next check, given the seconds in which a limit could be reached. */
function intervalOf(seconds: number): number {
  const { minIntervalMs, maxIntervalMs } = diskWatchLimits;
  return Math.min(maxIntervalMs, Math.max(minIntervalMs, seconds * 1_000));
}
