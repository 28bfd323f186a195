import { setTimeout as delay } from "node:timers/promises";
import { withDescendants } from "../host/processes.ts";
import type { Jail, JailExit, JailSpec, JailUsage } from "../jail.ts";
import { type DiskSpace, type DiskUse, diskSpace, measureDisk } from "./disk-usage.ts";

/**
 * The bound of what the writable mounts of a jail may hold, on any file system and for any user: the jail
 * is ended when a measure finds more in those that count. Asking a file system how full it is costs nothing, so that is done
 * often, and the mounts are measured only when enough was written there, by anyone, to pass the limit.
 *
 * It is not a quota of the kernel: a jail can pass it by what it writes in the time that it takes to look.
 * What it hides (files without a name that are only mapped) still meets the floor of the file system.
 */
export const diskWatchLimits = {
  /** Looks are as far apart as this speed of writing needs for what is left of the limit. */
  bytesPerSecond: 4 * 1024 ** 3,
  entriesPerSecond: 200_000,
  minIntervalMs: 25,
  maxIntervalMs: 1_000,
  /** Others may take away as much as a jail writes: this long after one measure, another. */
  measureAgainMs: 60_000,
  /** Jails that wrote as much are ended when a file system has no more than this left. */
  floorBytes: 64 * 1024 * 1024,
} as const;

interface Bounds {
  readonly bytes: number;
  readonly entries: number;
}

/** Paths of the host that a jail can write to, and those of them whose content has a bound. */
interface Places {
  readonly writable: readonly string[];
  readonly counted: readonly string[];
}

/** How the mounts are looked at. */
export interface DiskLook {
  readonly space: typeof diskSpace;
  readonly measure: typeof measureDisk;
}

/** `jail` itself where its spec has no bound; otherwise one that ends with the reason `disk` beyond it. */
export function enforceDiskQuota(
  jail: Jail,
  spec: JailSpec,
  look: DiskLook = { space: diskSpace, measure: measureDisk },
): Jail {
  const { diskBytes, diskEntries } = spec.limits ?? {};
  const writable = spec.mounts.filter(({ mode }) => mode === "rw");
  const places: Places = {
    writable: writable.map(({ source }) => source),
    counted: writable.filter(({ uncounted }) => uncounted !== true).map(({ source }) => source),
  };
  if ((diskBytes === undefined && diskEntries === undefined) || places.counted.length === 0) return jail;
  const bounds = {
    bytes: diskBytes ?? Number.POSITIVE_INFINITY,
    entries: diskEntries ?? Number.POSITIVE_INFINITY,
  };
  return new DiskBoundJail(jail, new DiskWatch(jail, places, bounds, look));
}

class DiskBoundJail implements Jail {
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

class DiskWatch {
  /** Why the jail was ended. */
  exceeded: string | undefined;
  /** As last measured. */
  measured: DiskUse | undefined;
  readonly #jail: Jail;
  readonly #places: Places;
  readonly #bounds: Bounds;
  readonly #look: DiskLook;
  readonly #ended = new AbortController();
  /** Of the file systems, when the jail began and when it was last measured. */
  #first: DiskSpace | undefined;
  #then: DiskSpace | undefined;
  #measuredAt = 0;

  constructor(jail: Jail, places: Places, bounds: Bounds, look: DiskLook) {
    this.#jail = jail;
    this.#places = places;
    this.#bounds = bounds;
    this.#look = look;
  }

  end(): void {
    this.#ended.abort();
  }

  async run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const now = await this.#look.space(this.#places.writable);
      this.#first ??= now;
      const reason =
        this.#fullest(now) ?? (this.#mayExceed(now) ? await this.#measureBesideLooks(now) : undefined);
      if (reason !== undefined && !this.#ended.signal.aborted) {
        this.exceeded = reason;
        await this.#jail.stop({ graceMs: 0 });
        return;
      }
      await delay(this.#interval(now), undefined, { ref: false, signal: this.#ended.signal }).catch(() => {});
    }
  }

  /** To measure many files takes long: meanwhile a file system must not run full. */
  async #measureBesideLooks(before: DiskSpace): Promise<string | undefined> {
    const over = new AbortController();
    const measured = this.#measure(before).finally(() => over.abort());
    return (await this.#untilFull(before, AbortSignal.any([over.signal, this.#ended.signal]))) ?? measured;
  }

  /** Why a file system is too full, as soon as one is; undefined once `signal` is aborted. */
  async #untilFull(before: DiskSpace, signal: AbortSignal): Promise<string | undefined> {
    let now = before;
    for (;;) {
      const seconds = now.freeBytes / diskWatchLimits.bytesPerSecond;
      await delay(intervalOf(seconds), undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted) return undefined;
      now = await this.#look.space(this.#places.writable);
      const reason = this.#fullest(now);
      if (reason !== undefined) return reason;
    }
  }

  #fullest({ freeBytes, usedBytes }: DiskSpace): string | undefined {
    const { floorBytes } = diskWatchLimits;
    const grown = usedBytes - (this.#first?.usedBytes ?? usedBytes);
    if (freeBytes >= floorBytes || grown < floorBytes) return undefined;
    return `the file system of its mounts has ${freeBytes} bytes left, and ${grown} were written since the jail began`;
  }

  /** The most that there can be: what was measured, and all that was written since. */
  #atMost(now: DiskSpace): Bounds {
    const measured = this.measured;
    const then = this.#then;
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
    const most = this.#atMost(now);
    if (most.bytes > this.#bounds.bytes || most.entries > this.#bounds.entries) return true;
    const same = now.usedBytes === this.#then?.usedBytes && now.usedEntries === this.#then.usedEntries;
    return !same && performance.now() - this.#measuredAt > diskWatchLimits.measureAgainMs;
  }

  async #measure(before: DiskSpace): Promise<string | undefined> {
    const pids = withDescendants(this.#jail.pid).map(({ pid }) => pid);
    if (this.#jail.dialerPid !== undefined) pids.push(this.#jail.dialerPid);
    const most = this.#atMost(before);
    const withEntries = Number.isFinite(this.#bounds.entries);
    // Nobody needs to know any more once the jail has ended, and to count many files takes long.
    const found = await this.#look.measure(this.#places.counted, pids, withEntries, this.#ended.signal);
    // What could not be looked at counts as the most that it can be.
    const known = found.hidden && Number.isFinite(most.bytes);
    this.measured = known
      ? { ...found, bytes: Math.max(found.bytes, most.bytes), entries: Math.max(found.entries, most.entries) }
      : found;
    this.#then = before;
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
    const most = this.#atMost(now);
    const seconds = Math.min(
      (this.#bounds.bytes - most.bytes) / bytesPerSecond,
      (this.#bounds.entries - most.entries) / entriesPerSecond,
      now.freeBytes / bytesPerSecond,
    );
    return intervalOf(seconds);
  }
}

/** Milliseconds until the next look, of the time in which a bound can be reached. */
function intervalOf(seconds: number): number {
  const { minIntervalMs, maxIntervalMs } = diskWatchLimits;
  return Math.min(maxIntervalMs, Math.max(minIntervalMs, seconds * 1_000));
}
