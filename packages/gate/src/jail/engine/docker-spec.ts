import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailMount } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";
import { dockerIo } from "../resources/disk-throttling.ts";
import {
  type ContainerPlan,
  cpuPeriodMicroseconds,
  cpuQuota,
  hiddenPaths,
  landlockOf,
  lingerOf,
  mountsOf,
  notFilled,
  resourceLimits,
} from "./podman-spec.ts";

export interface DockerPlan extends Omit<ContainerPlan, "root"> {
  /** Id of the image that {@link ContainerPlan.root} was imported as. */
  readonly image: string;
  /** The filter as JSON text, which Docker itself takes instead of a path. */
  readonly seccomp: string;
  /** Podman answers behind this socket, and reads some options in its own way. */
  readonly isPodman: boolean;
}

/** Docker's own list, which a list of ours replaces, with what every jail is not shown. */
const maskedPaths = [
  ...hiddenPaths,
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/latency_stats",
  "/proc/scsi",
  "/proc/timer_stats",
];

/**
 * A container for a checked spec, as Docker's API takes it. Docker has no user namespace for one
 * container, so the jail's user is the gate's own, without capabilities. Where that is user 0, which owns
 * /dev in a container, /dev is read-only as a whole.
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
      ...landlockOf(spec, plan.landlock),
      lingerMs: lingerOf(spec),
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
        ...(isPodman ? [`mask=${hiddenPaths.join(":")}`] : []),
      ],
      ...(isPodman ? {} : { MaskedPaths: maskedPaths }),
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
        ...(uid === 0 ? ownDev(tmpBytes) : {}),
        ...emptyDirectories(isPodman),
      },
      Mounts: [...(uid === 0 && !isPodman ? [terminals] : []), ...mountsOf(spec).map(bind)],
    },
  };
}

/**
 * A /dev of the container's own is none of the engine's: nothing of what that mounts below is there then. Docker
 * takes "nodev" for granted where nothing is said of it, and no device could be opened.
 */
function ownDev(shmBytes: number): Readonly<Record<string, string>> {
  return {
    "/dev": "size=65536,mode=755,ro,dev,nosuid,noexec",
    "/dev/shm": `size=${shmBytes},mode=1777,nosuid,nodev,noexec`,
  };
}

/** In the place of the host's: the mounts of a container are made from the root down, so these cover parts of /usr. */
function emptyDirectories(isPodman: boolean): Readonly<Record<string, string>> {
  const options = [
    "ro",
    "nosuid",
    "nodev",
    "noexec",
    "mode=755",
    "size=65536",
    ...(isPodman ? [notFilled] : []),
  ];
  return Object.fromEntries(usrConfigDirectories().map((path) => [path, options.join(",")]));
}

/** A mount of its kind is asked of Docker as a volume: each is an instance of its own, and ends with its container. */
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
