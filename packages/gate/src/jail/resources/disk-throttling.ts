import { existsSync, readFileSync, realpathSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { JailLimits, JailSpec } from "../jail.ts";
import { systemMounts } from "../oci/oci-bundle.ts";

/** A whole disk of the host: what the kernel bounds reads and writes of. */
export interface Disk {
  readonly major: number;
  readonly minor: number;
  /** In the host's /dev, by which container engines name it. */
  readonly path: string;
}

/** The limits of reads and writes by their names for control groups of version 1 and 2, Docker and OCI runtimes. */
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

/** Those that are set, with their values. */
function setIn(limits: JailLimits): { readonly names: IoLimit; readonly rate: number }[] {
  return ioLimits.flatMap((names) => {
    const rate = limits[names.limit];
    return rate === undefined ? [] : [{ names, rate }];
  });
}

/** Whether any of them is set: then the jail needs the guarantee `limits.io`. */
export function limitsDiskIo(limits: JailLimits = {}): boolean {
  return setIn(limits).length > 0;
}

/** File systems that are memory alone, by their number in `statfs`: tmpfs and ramfs. No disk is behind them. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/**
 * The disks behind what a jail that bounds its reads and writes can see; none for one that does not. A file system
 * without one disk of its own (layers, FUSE, a network, several disks in one) cannot be bounded: of what is only
 * read it is left out, and a jail that could write there is refused with `jail.missing_guarantee`.
 */
export function disksUnderMounts({ limits, mounts }: JailSpec, sysfs = "/sys/dev/block"): Disk[] {
  if (!limitsDiskIo(limits)) return [];
  const disks = new Map<string, Disk>();
  for (const { source, target, mode } of [...systemMounts(), ...mounts]) {
    const disk = diskOf(deviceOf(source), sysfs);
    if (disk !== undefined) disks.set(disk.path, disk);
    else if (mode === "rw" && !inMemory.has(statfsSync(source).type)) throw unbounded(target);
  }
  return [...disks.values()];
}

function unbounded(target: string): HoldfastError {
  return new HoldfastError(
    "jail",
    "missing_guarantee",
    `The file system of the mount ${target} is on no single disk of this machine, so what is read and written there in a second cannot be bounded; the jail is not started`,
    { statusCode: 503, metadata: { missing: ["limits.io"] } },
  );
}

/** Number of the device that holds a file, taken apart as the C library does (`gnu_dev_major`, `gnu_dev_minor`). */
function deviceOf(path: string): string {
  const { dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** The whole disk of a device: the kernel bounds no partition by itself. Undefined for what is no device of blocks. */
function diskOf(device: string, sysfs: string): Disk | undefined {
  const entry = join(sysfs, device);
  if (!existsSync(entry)) return undefined;
  const own = realpathSync(entry);
  const whole = existsSync(join(own, "partition")) ? dirname(own) : own;
  const [major = 0, minor = 0] = readFileSync(join(whole, "dev"), "utf8").trim().split(":").map(Number);
  // The kernel writes names with slashes so.
  return { major, minor, path: `/dev/${basename(whole).replaceAll("!", "/")}` };
}

/** What is written into the group of a jail, a line for each write: the kernel takes one disk at a time. */
export function ioFiles(version: 1 | 2, limits: JailLimits, disks: readonly Disk[]): [string, string][] {
  const set = setIn(limits);
  if (set.length === 0) return [];
  return disks.flatMap(({ major, minor }): [string, string][] => {
    if (version === 1) return set.map(({ names, rate }) => [names.file, `${major}:${minor} ${rate}\n`]);
    const rates = set.map(({ names, rate }) => `${names.key}=${rate}`);
    return [["io.max", `${major}:${minor} ${rates.join(" ")}\n`]];
  });
}

/** As members of `HostConfig` of Docker's API. */
export function dockerIo(limits: JailLimits, disks: readonly Disk[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    setIn(limits).map(({ names, rate }) => [
      names.docker,
      disks.map(({ path }) => ({ Path: path, Rate: rate })),
    ]),
  );
}

/** As `blockIO` of an OCI runtime's resources. */
export function ociIo(limits: JailLimits, disks: readonly Disk[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    setIn(limits).map(({ names, rate }) => [
      names.oci,
      disks.map(({ major, minor }) => ({ major, minor, rate })),
    ]),
  );
}
