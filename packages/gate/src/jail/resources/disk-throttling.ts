import { existsSync, readFileSync, realpathSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { JailLimits, JailSpec } from "../jail.ts";
import { systemMounts } from "../oci/oci-bundle.ts";

/** A disk of the host, the kernel's unit of throttling. */
export interface Disk {
  readonly major: number;
  readonly minor: number;
  /** Path in the host's /dev, as container engines name it. */
  readonly path: string;
}

/** Names of the disk rate limits: in control groups of version 1 (`file`) and 2 (`key`), Docker and OCI runtimes. */
const ioLimits = [
  {
    limit: "diskReadBytesPerSecond",
    file: "blkio.throttle.read_bps_device",
    key: "rbps",
    docker: "BlkioDeviceReadBps",
    oci: "throttleReadBpsDevice",
  },
  {
    limit: "diskWriteBytesPerSecond",
    file: "blkio.throttle.write_bps_device",
    key: "wbps",
    docker: "BlkioDeviceWriteBps",
    oci: "throttleWriteBpsDevice",
  },
  {
    limit: "diskReadsPerSecond",
    file: "blkio.throttle.read_iops_device",
    key: "riops",
    docker: "BlkioDeviceReadIOps",
    oci: "throttleReadIOPSDevice",
  },
  {
    limit: "diskWritesPerSecond",
    file: "blkio.throttle.write_iops_device",
    key: "wiops",
    docker: "BlkioDeviceWriteIOps",
    oci: "throttleWriteIOPSDevice",
  },
] as const;

type IoLimit = (typeof ioLimits)[number];

/** The limits that are set, with their values. */
function rateLimitsIn(limits: JailLimits): { readonly names: IoLimit; readonly rate: number }[] {
  return ioLimits.flatMap((names) => {
    const rate = limits[names.limit];
    return rate === undefined ? [] : [{ names, rate }];
  });
}

/** Whether a disk rate limit is set: then the jail needs the guarantee `limits.io`. */
export function limitsDiskIo(limits: JailLimits = {}): boolean {
  return rateLimitsIn(limits).length > 0;
}

/** `statfs` types of file systems without a disk: tmpfs and ramfs. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/**
 * The disks under the mounts of a jail with disk rate limits; none for a jail without. A file system that is not on one
 * disk (overlay, FUSE, network, RAID) cannot be throttled: it is left out where it is read-only.
 * Throws `jail.missing_guarantee` where it is writable.
 */
export function disksUnderMounts({ limits, mounts }: JailSpec, sysfs = "/sys/dev/block"): Disk[] {
  if (!limitsDiskIo(limits)) return [];
  const disks = new Map<string, Disk>();
  for (const { source, target, mode, remote } of [...systemMounts(), ...mounts]) {
    const disk = remote === true ? undefined : diskOf(deviceOf(source), sysfs);
    if (disk !== undefined) disks.set(disk.path, disk);
    else if (mode === "rw" && (remote === true || !inMemory.has(statfsSync(source).type)))
      throw notThrottled(target);
  }
  return [...disks.values()];
}

function notThrottled(target: string): HoldfastError {
  return new HoldfastError(
    "jail",
    "missing_guarantee",
    `The jail was not started: the mount ${target} is not on a single disk of this machine, so its reads and writes per second cannot be limited`,
    { statusCode: 503, metadata: { missing: ["limits.io"] } },
  );
}

/** Device number of a file as "major:minor", split as glibc does (`gnu_dev_major`, `gnu_dev_minor`). */
function deviceOf(path: string): string {
  const { dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** Disk of a block device, since the kernel does not throttle partitions; undefined for other devices. */
function diskOf(device: string, sysfs: string): Disk | undefined {
  const entry = join(sysfs, device);
  if (!existsSync(entry)) return undefined;
  const own = realpathSync(entry);
  const whole = existsSync(join(own, "partition")) ? dirname(own) : own;
  const [major = 0, minor = 0] = readFileSync(join(whole, "dev"), "utf8").trim().split(":").map(Number);
  // The kernel writes a slash in a device name as "!".
  return { major, minor, path: `/dev/${basename(whole).replaceAll("!", "/")}` };
}

/** Files and lines to write into the control group of a jail: the kernel takes one disk per write. */
export function ioFiles(version: 1 | 2, limits: JailLimits, disks: readonly Disk[]): [string, string][] {
  const set = rateLimitsIn(limits);
  if (set.length === 0) return [];
  return disks.flatMap(({ major, minor }): [string, string][] => {
    if (version === 1) return set.map(({ names, rate }) => [names.file, `${major}:${minor} ${rate}\n`]);
    const rates = set.map(({ names, rate }) => `${names.key}=${rate}`);
    return [["io.max", `${major}:${minor} ${rates.join(" ")}\n`]];
  });
}

/** The disk rate limits as fields of `HostConfig` in Docker's API. */
export function dockerIo(limits: JailLimits, disks: readonly Disk[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    rateLimitsIn(limits).map(({ names, rate }) => [
      names.docker,
      disks.map(({ path }) => ({ Path: path, Rate: rate })),
    ]),
  );
}

/** The disk rate limits as `blockIO` of an OCI runtime's resources. */
export function ociIo(limits: JailLimits, disks: readonly Disk[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    rateLimitsIn(limits).map(({ names, rate }) => [
      names.oci,
      disks.map(({ major, minor }) => ({ major, minor, rate })),
    ]),
  );
}
