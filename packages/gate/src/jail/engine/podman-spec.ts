import { type LandlockSupport, landlockRules } from "../confinement/landlock.ts";
import { maskedProcFiles } from "../host/masked-proc-files.ts";
import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailMount, JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";
import { emptyDirectoryMount, systemMounts } from "../oci/oci-bundle.ts";
import { type Disk, limitsDiskIo, ociIo } from "../resources/disk-throttling.ts";
import { devDirectoryMounts } from "./dev-directory.ts";

/** User id in the jail; outside, it is the gate's user, as with bubblewrap. */
const jailUser = 1000;

/** First of the unused host ids for the other users of a container. */
const unusedIds = 2_000_000_000;

export interface ContainerPlan {
  readonly spec: JailSpec;
  /** Labels by which the gate finds its containers. */
  readonly labels: Readonly<Record<string, string>>;
  /** Path of the system call filter in OCI JSON. */
  readonly seccompFile: string;
  /** Without it, the command runs without Landlock. */
  readonly landlock?: LandlockSupport;
  /** Disks that the rate limits of the spec apply to. */
  readonly disks?: readonly Disk[];
  /** Root directory of the container. */
  readonly root: string;
}

/** All mounts of a jail, those of the system first. */
export function mountsOf(spec: JailSpec): JailMount[] {
  return [...systemMounts(), ...spec.mounts];
}

/** Mount option that keeps podman from copying the covered directory into a tmpfs. */
export const noCopyUp = "notmpcopyup";

/** Paths that every engine must hide, besides its own list. */
export const maskedPaths = ["/sys", ...maskedProcFiles];

export const cpuPeriodMicroseconds = 100_000;

/** Microseconds of processor time per period. */
export function cpuQuota(cpus: number): number {
  return Math.max(1_000, Math.round(cpus * cpuPeriodMicroseconds));
}

/** Time that init lingers, so that the host can poll the memory counters a dozen times. 0 without a memory limit. */
export function lingerMs({ limits }: JailSpec): number {
  return limits?.memoryBytes === undefined ? 0 : 1_500;
}

/** No core dumps; the others are limits that an ordinary user has anyway. */
export const resourceLimits = [
  { name: "core", soft: 0, hard: 0 },
  { name: "nofile", soft: 4096, hard: 16_384 },
  { name: "nproc", soft: 16_384, hard: 16_384 },
] as const;

/** The Landlock part of an init plan; empty where the kernel lacks Landlock. */
export function landlockPlan(spec: JailSpec, support: LandlockSupport | undefined) {
  return support !== undefined && "abi" in support
    ? { landlock: { abi: support.abi, rules: landlockRules(spec.mounts) } }
    : {};
}

/**
 * The container of a checked spec in libpod's API: a root directory instead of an image, and a user namespace in which the
 * user of the jail is the gate's and user 0 is nobody. For a gate that runs as root, /dev is the directory that
 * `writeDevDirectory` made.
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
    { container_id: 0, host_id: unusedIds, size: 1 },
    // The group tty.
    { container_id: 5, host_id: unusedIds + 5, size: 1 },
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
      ...landlockPlan(spec, landlock),
      lingerMs: lingerMs(spec),
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
    mask: maskedPaths,
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
      ...usrConfigDirectories().map((path) => emptyDirectoryMount(path, noCopyUp)),
    ],
  };
}

function temporary(destination: string, bytes: number): object {
  const options = [`size=${bytes}`, "mode=1777", "nosuid", "nodev"];
  return { destination, source: "tmpfs", type: "tmpfs", options };
}
