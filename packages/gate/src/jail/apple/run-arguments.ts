import { HoldfastError } from "@holdfast/core";
import { buildSeccompFilter, filterArch } from "../confinement/seccomp.ts";
import type { JailMount, JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "../oci/jail-init.ts";

const mebibyte = 1024 * 1024;

/** What a machine has where nothing is asked for, and what it is never started with less than. */
export const machineLimits = {
  /** Taken of the host's as it is used. */
  defaultMemoryBytes: 4 * 1024 * mebibyte,
  /** The program refuses less. */
  minMemoryBytes: 200 * mebibyte,
  defaultCpus: 4,
  /** The first start of an image unpacks it. */
  startTimeoutMs: 60_000,
  /** Of each socket that is mounted. */
  maxConnections: 128,
} as const;

export interface RunPlan {
  readonly spec: JailSpec;
  /** Of the container: 2 to 64 of letters, digits and "-". */
  readonly name: string;
  readonly image: string;
  readonly label: string;
  /** The program writes the name to it once the machine runs. */
  readonly startedFile: string;
  /** Those of the spec, with sockets as they are to be dialled. */
  readonly mounts: readonly JailMount[];
}

/** The user inside: the gate's own, so that what it writes is the gate's; never the one that owns a machine's disks. */
export function machineUser(): { readonly uid: number; readonly gid: number } {
  return { uid: process.getuid?.() || 1000, gid: process.getgid?.() || 1000 };
}

/**
 * The command line that runs a jail in a machine of its own (`container run`, command reference of
 * apple/container). What the program has no word for the first process does: no_new_privs and the system call
 * filter, which is also what keeps a jail from dialling the machine's own agent (AF_VSOCK). Throws
 * `jail.invalid_spec`.
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
      `Apple's container mounts no path with a colon: ${path}`,
      {
        statusCode: 400,
      },
    );
  }
  return mode === "ro" ? `${source}:${target}:ro` : `${source}:${target}`;
}
