import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailMount } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";
import { dockerIo } from "../resources/disk-throttling.ts";
import {
  type ContainerPlan,
  cpuPeriodMicroseconds,
  cpuQuota,
  landlockPlan,
  lingerMs,
  maskedPaths,
  mountsOf,
  noCopyUp,
  resourceLimits,
} from "./podman-spec.ts";

export interface DockerPlan extends Omit<ContainerPlan, "root"> {
  /** Id of the image of an empty root. */
  readonly image: string;
  /** The filter as JSON text, which Docker takes instead of a path. */
  readonly seccomp: string;
  /** Whether podman answers on this socket, which reads some options differently. */
  readonly isPodman: boolean;
}

/** Masked paths of every jail, and those of Docker's default list, which this list replaces. */
const dockerMaskedPaths = [
  ...maskedPaths,
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/latency_stats",
  "/proc/scsi",
  "/proc/timer_stats",
];

/**
 * The container of a checked spec in Docker's API. Docker has no user namespace per container, so the user of the jail is
 * the gate's, without capabilities. Where that is user 0, which owns /dev in a container, /dev is read-only.
 */
export function dockerContainer(plan: DockerPlan): object {
  const { spec, labels, image, isPodman, disks = [] } = plan;
  const { limits = {} } = spec;
  const { memoryBytes, pids, cpus, tmpBytes = jailLimits.defaultTmpBytes } = limits;
  const uid = process.getuid?.() ?? 0;
  return {
    Image: image,
    Entrypoint: initCommand({
      env: { ...spec.env, PWD: spec.cwd },
      command: [spec.command],
      ...landlockPlan(spec, plan.landlock),
      lingerMs: lingerMs(spec),
    }),
    Cmd: spec.args,
    WorkingDir: spec.cwd,
    User: `${uid}:${process.getgid?.() ?? 0}`,
    Hostname: "jail",
    Labels: labels,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      IpcMode: "private",
      CgroupnsMode: "private",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: [
        "no-new-privileges",
        "label=disable",
        `seccomp=${isPodman ? plan.seccompFile : plan.seccomp}`,
        ...(isPodman ? [`mask=${maskedPaths.join(":")}`] : []),
      ],
      ...(isPodman ? {} : { MaskedPaths: dockerMaskedPaths }),
      LogConfig: { Type: "none", Config: {} },
      Init: false,
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(pids === undefined ? {} : { PidsLimit: pids }),
      ...(cpus === undefined ? {} : { CpuPeriod: cpuPeriodMicroseconds, CpuQuota: cpuQuota(cpus) }),
      ...dockerIo(limits, disks),
      Ulimits: resourceLimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ShmSize: tmpBytes,
      Tmpfs: {
        "/tmp": `size=${tmpBytes},mode=1777,nosuid,nodev`,
        ...(uid === 0 ? devTmpfs(tmpBytes) : {}),
        ...emptyDirectories(isPodman),
      },
      Mounts: [...(uid === 0 && !isPodman ? [terminals] : []), ...mountsOf(spec).map(bind)],
    },
  };
}

/**
 * A tmpfs as /dev, which replaces everything that the engine mounts there. It says "dev", since Docker assumes "nodev",
 * with which no device could be opened.
 */
function devTmpfs(shmBytes: number): Readonly<Record<string, string>> {
  return {
    "/dev": "size=65536,mode=755,ro,dev,nosuid,noexec",
    "/dev/shm": `size=${shmBytes},mode=1777,nosuid,nodev,noexec`,
  };
}

/** Empty directories over configuration in /usr: mounts are made from the root down, so these cover parts of it. */
function emptyDirectories(isPodman: boolean): Readonly<Record<string, string>> {
  const options = [
    "ro",
    "nosuid",
    "nodev",
    "noexec",
    "mode=755",
    "size=65536",
    ...(isPodman ? [noCopyUp] : []),
  ];
  return Object.fromEntries(usrConfigDirectories().map((path) => [path, options.join(",")]));
}

/** devpts, which Docker mounts only as a volume: a new instance for each container. */
const terminals = {
  ...{ Type: "volume", Target: "/dev/pts" },
  VolumeOptions: {
    DriverConfig: {
      Name: "local",
      Options: { type: "devpts", device: "devpts", o: "newinstance,ptmxmode=0666,mode=0620,gid=5" },
    },
  },
};

function bind({ source, target, mode }: JailMount): object {
  return { Type: "bind", Source: source, Target: target, ReadOnly: mode === "ro" };
}
