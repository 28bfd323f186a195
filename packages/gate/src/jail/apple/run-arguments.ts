/** Driver for virtual machines of Apple's container program. */
import { HoldfastError } from "@holdfast/core";
import { buildSeccompFilter, filterArch } from "../confinement/seccomp.ts";
import type { JailMount, JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";

const mebibyte = 1024 * 1024;

/** Defaults and minimums of virtual machines. */
export const machineLimits = {
  /** The host allocates it on use. */
  defaultMemoryBytes: 4 * 1024 * mebibyte,
  /** The minimum of the program. */
  minMemoryBytes: 200 * mebibyte,
  defaultCpus: 4,
  /** Long, since the first start of an image unpacks it. */
  startTimeoutMs: 60_000,
  /** For each mounted socket. */
  maxConnections: 128,
} as const;

export interface RunPlan {
  readonly spec: JailSpec;
  /** Name of the container: 2 to 64 of letters, digits and "-". */
  readonly name: string;
  readonly image: string;
  readonly label: string;
  /** The program writes the name to this file once the machine runs. */
  readonly startedFile: string;
  /** The mounts of the spec, with relayed sockets. */
  readonly mounts: readonly JailMount[];
}

/** User in the machine: the gate's user, so that files belong to the gate, but never user 0, which owns the disks. */
export function machineUser(): { readonly uid: number; readonly gid: number } {
  return { uid: process.getuid?.() || 1000, gid: process.getgid?.() || 1000 };
}

/**
 * Arguments of `container run` for a jail (command reference of apple/container). The init process sets what the program
 * has no option for: no_new_privs and the system call filter, which also keeps a jail from dialling the agent of its
 * machine (AF_VSOCK). Throws `jail.invalid_spec`.
 */
export function runArguments({ spec, name, image, label, startedFile, mounts }: RunPlan): string[] {
  const { memoryBytes, cpus, pids, tmpBytes = jailLimits.defaultTmpBytes } = spec.limits ?? {};
  const { defaultMemoryBytes, minMemoryBytes, defaultCpus } = machineLimits;
  const memory = Math.max(memoryBytes ?? defaultMemoryBytes, minMemoryBytes);
  const user = machineUser();
  const [entrypoint = "", ...rest] = initCommand({
    env: { ...spec.env, PWD: spec.cwd },
    command: [spec.command, ...spec.args],
    filter: buildSeccompFilter(filterArch(), spec),
  });
  return [
    ...["run", "--name", name, "--cidfile", startedFile, "--label", label],
    ...["--rm", "--interactive", "--progress", "none"],
    ...["--network", "none", "--no-dns", "--read-only", "--cap-drop", "ALL"],
    ...["--uid", String(user.uid), "--gid", String(user.gid), "--cwd", spec.cwd],
    ...["--cpus", String(Math.ceil(cpus ?? defaultCpus)), "--memory", inMebibytes(memory)],
    ...["--ulimit", "core=0:0", ...(pids === undefined ? [] : ["--ulimit", `nproc=${pids}:${pids}`])],
    ...["--mount", `type=tmpfs,destination=/tmp,size=${inMebibytes(tmpBytes)},mode=1777`],
    ...mounts.flatMap((mount) => ["--volume", volume(mount)]),
    ...["--entrypoint", entrypoint, image, ...rest],
  ];
}

function inMebibytes(bytes: number): string {
  return `${Math.ceil(bytes / mebibyte)}M`;
}

function volume({ source, target, mode }: JailMount): string {
  for (const path of [source, target]) {
    if (!path.includes(":")) continue;
    throw new HoldfastError(
      "jail",
      "invalid_spec",
      `Apple's container cannot mount a path with a colon: ${path}`,
      {
        statusCode: 400,
      },
    );
  }
  return mode === "ro" ? `${source}:${target}:ro` : `${source}:${target}`;
}
