import { type LandlockSupport, landlockRules } from "../confinement/landlock.ts";
import { maskedProcFiles } from "../host/masked-proc-files.ts";
import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailMount, JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";
import { emptyDirectoryMount, systemMounts } from "../oci/oci-bundle.ts";
import { type Disk, limitsDiskIo, ociIo } from "../resources/disk-throttling.ts";
import { devDirectoryMounts } from "./dev-directory.ts";

/** What of the host's users is inside: the jail's own user is the one of the gate, as with bubblewrap. */
const jailUser = 1000;

/** Users of the host that exist for nothing: what a container needs besides the jail's own. */
const unused = 2_000_000_000;

export interface ContainerPlan {
  readonly spec: JailSpec;
  /** Label by which the containers of a gate are found. */
  readonly labels: Readonly<Record<string, string>>;
  /** Path of the filter as OCI JSON. */
  readonly seccompFile: string;
  /** None is put on the command where it is not given. */
  readonly landlock?: LandlockSupport;
  /** Those whose reads and writes the limits of the spec bound. */
  readonly disks?: readonly Disk[];
  /** Directory that is the container's root. */
  readonly root: string;
}

/** All that is mounted, the system's own part first. */
export function mountsOf(spec: JailSpec): JailMount[] {
  return [...systemMounts(), ...spec.mounts];
}

/** Podman fills a new file system in memory with what is in its place, unless it is told not to. */
export const notFilled = "notmpcopyup";

/** What an engine hides besides what is on its own list. */
export const hiddenPaths = ["/sys", ...maskedProcFiles];

export const cpuPeriodMicroseconds = 100_000;

/** Microseconds of processor time in each period. */
export function cpuQuota(cpus: number): number {
  return Math.max(1_000, Math.round(cpus * cpuPeriodMicroseconds));
}

/** Long enough for the host to look a dozen times. */
export function lingerOf({ limits }: JailSpec): number {
  return limits?.memoryBytes === undefined ? 0 : 1_500;
}

/** No core dumps; the rest within what a host without the right to raise limits has itself. */
export const resourceLimits = [
  { name: "core", soft: 0, hard: 0 },
  { name: "nofile", soft: 4096, hard: 16_384 },
  { name: "nproc", soft: 16_384, hard: 16_384 },
] as const;

/** What the first process puts on the command, where the kernel has it. */
export function landlockOf(spec: JailSpec, support: LandlockSupport | undefined) {
  return support !== undefined && "abi" in support
    ? { landlock: { abi: support.abi, rules: landlockRules(spec.mounts) } }
    : {};
}

/**
 * A container for a checked spec, as libpod's API takes it: a root of its own instead of an image, and a
 * user namespace in which the jail's user is the gate's, and user 0 is nobody. Where the gate's user is root,
 * /dev is the one that `writeDevDirectory` wrote into the root.
 */
export function podmanContainer({
  spec,
  labels,
  seccompFile,
  root,
  landlock,
  disks = [],
}: ContainerPlan): object {
  const { limits = {} } = spec;
  const { memoryBytes, pids, cpus, tmpBytes = jailLimits.defaultTmpBytes } = limits;
  const uid = process.getuid?.() ?? 0;
  const map = (own: number) => [
    { container_id: 0, host_id: unused, size: 1 },
    // The group of terminals.
    { container_id: 5, host_id: unused + 5, size: 1 },
    { container_id: jailUser, host_id: own, size: 1 },
  ];
  const users =
    uid === 0
      ? {
          userns: { nsmode: "private" },
          idmappings: { UIDMap: map(uid), GIDMap: map(process.getgid?.() ?? 0), AutoUserNs: false },
        }
      : { userns: { nsmode: "keep-id", value: `uid=${jailUser},gid=${jailUser}` } };
  return {
    rootfs: root,
    command: initCommand({
      env: { ...spec.env, PWD: spec.cwd },
      command: [spec.command, ...spec.args],
      ...landlockOf(spec, landlock),
      lingerMs: lingerOf(spec),
    }),
    work_dir: spec.cwd,
    stdin: true,
    terminal: false,
    user: `${jailUser}:${jailUser}`,
    hostname: "jail",
    labels,
    ...users,
    netns: { nsmode: "none" },
    pidns: { nsmode: "private" },
    ipcns: { nsmode: "private" },
    utsns: { nsmode: "private" },
    cgroupns: { nsmode: "private" },
    cap_drop: ["ALL"],
    no_new_privileges: true,
    read_only_filesystem: true,
    seccomp_profile_path: seccompFile,
    selinux_opts: ["disable"],
    mask: hiddenPaths,
    image_volume_mode: "ignore",
    use_image_hosts: true,
    use_image_resolve_conf: true,
    log_configuration: { driver: "none" },
    shm_size: tmpBytes,
    resource_limits: {
      ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes, swap: memoryBytes } }),
      ...(pids === undefined ? {} : { pids: { limit: pids } }),
      ...(cpus === undefined
        ? {}
        : {
            cpu: {
              quota: cpuQuota(cpus),
              period: cpuPeriodMicroseconds,
            },
          }),
      ...(limitsDiskIo(limits) ? { blockIO: ociIo(limits, disks) } : {}),
    },
    r_limits: resourceLimits.map(({ name, soft, hard }) => ({ type: name, soft, hard })),
    mounts: [
      temporary("/tmp", tmpBytes),
      ...(uid === 0 ? devDirectoryMounts(root, tmpBytes) : []),
      ...mountsOf(spec).map(({ source, target, mode }) => ({
        ...{ destination: target, source, type: "bind" },
        options: ["rbind", mode, "nosuid", "nodev"],
      })),
      ...usrConfigDirectories().map((path) => emptyDirectoryMount(path, notFilled)),
    ],
  };
}

function temporary(destination: string, bytes: number): object {
  const options = [`size=${bytes}`, "mode=1777", "nosuid", "nodev"];
  return { destination, source: "tmpfs", type: "tmpfs", options };
}
