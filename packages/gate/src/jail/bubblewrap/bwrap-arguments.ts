import { existsSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Landlock,
  landlockRules,
  launcherCommand,
  launcherEnvironmentFd,
} from "../confinement/landlock.ts";
import { deviceFileNames } from "../host/device-files.ts";
import { maskedProcFiles } from "../host/masked-proc-files.ts";
import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";

/** Protections that tests can leave out, to check that the self-test and the attacks notice. */
export type Protection =
  | "network"
  | "pid_namespace"
  | "user_namespaces_disabled"
  | "seccomp"
  | "clear_environment"
  | "read_only_root"
  | "read_only_proc"
  | "synthetic_etc"
  | "drop_capabilities"
  | "landlock";

export interface BwrapPlan {
  readonly spec: JailSpec;
  /** Directory of the synthetic /etc, made by {@link writeEtc}. */
  readonly etcDir: string;
  /** Directory of device files, made by `createDeviceFiles`; without it, the jail has those of the host. */
  readonly devicesDir?: string;
  /** With it, a launcher in the jail confines the command, sets its environment and starts it. */
  readonly landlock?: Landlock;
  readonly omit?: ReadonlySet<Protection>;
}

/** File descriptors that bwrap reads from. */
export const bwrapFds = { args: 3, seccomp: 4, status: 5, environment: launcherEnvironmentFd } as const;

/** The files of a jail's own /etc. */
const etcFiles: Readonly<Record<string, string>> = {
  passwd:
    "root:x:0:0:root:/root:/usr/sbin/nologin\n" +
    "agent:x:1000:1000:agent:/home/agent:/bin/sh\n" +
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  group: "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
  hosts: "127.0.0.1 localhost jail\n::1 localhost\n",
  hostname: "jail\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
  "resolv.conf": "# A jail resolves no names.\n",
  "host.conf": "multi on\n",
};

/** Paths of the host's /etc that programs need to run. None of them is private. */
export const hostEtcPaths = [
  "/etc/ld.so.cache",
  "/etc/alternatives",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/localtime",
];

/** Writes the synthetic /etc files of jails, once per gate. */
export function writeEtc(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(etcFiles))
    writeFileSync(join(directory, name), text, { mode: 0o644 });
}

function systemPrograms(): string[] {
  const args = ["--ro-bind", "/usr", "/usr"];
  for (const path of ["/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"]) {
    if (!existsSync(path)) continue;
    // On a merged-usr system these are links; elsewhere they are directories of their own.
    if (lstatSync(path).isSymbolicLink()) args.push("--symlink", readlinkSync(path), path);
    else args.push("--ro-bind", path, path);
  }
  for (const path of usrConfigDirectories()) args.push("--tmpfs", path, "--remount-ro", path);
  return args;
}

function etc(etcDir: string): string[] {
  const args: string[] = [];
  for (const name of Object.keys(etcFiles)) args.push("--ro-bind", join(etcDir, name), `/etc/${name}`);
  for (const path of hostEtcPaths) if (existsSync(path)) args.push("--ro-bind", path, path);
  return args;
}

/**
 * The jail's own /proc, remounted read-only later. The kernel lets user 0 of the host write to /proc/sys by file mode
 * alone, without any capability, so a jail of a gate that runs as root must not be able to write there.
 */
function kernelFiles(): string[] {
  const args = ["--proc", "/proc"];
  for (const path of maskedProcFiles) if (existsSync(path)) args.push("--ro-bind", "/dev/null", path);
  return args;
}

/** Arguments of bwrap for a checked spec. They are passed by descriptor, so that process lists do not show them. */
export function bwrapArguments({
  spec,
  etcDir,
  devicesDir,
  landlock,
  omit = new Set(),
}: BwrapPlan): string[] {
  const tmpBytes = String(spec.limits?.tmpBytes ?? jailLimits.defaultTmpBytes);
  const args = ["--unshare-user", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"];
  if (!omit.has("pid_namespace")) args.push("--unshare-pid");
  if (!omit.has("network")) args.push("--unshare-net");
  if (!omit.has("user_namespaces_disabled")) args.push("--disable-userns");
  args.push("--uid", "1000", "--gid", "1000", "--hostname", "jail");
  args.push("--die-with-parent", "--new-session");
  args.push(...(omit.has("drop_capabilities") ? ["--cap-add", "ALL"] : ["--cap-drop", "ALL"]));
  if (!omit.has("clear_environment")) args.push("--clearenv");
  if (landlock === undefined) {
    for (const [name, value] of Object.entries(spec.env)) args.push("--setenv", name, value);
  }
  args.push(...systemPrograms());
  args.push(...(omit.has("synthetic_etc") ? ["--ro-bind", "/etc", "/etc"] : etc(etcDir)));
  args.push("--dev", "/dev", "--perms", "1777", "--size", tmpBytes, "--tmpfs", "/dev/shm");
  if (devicesDir !== undefined) {
    for (const name of deviceFileNames) args.push("--dev-bind", join(devicesDir, name), `/dev/${name}`);
  }
  args.push(...kernelFiles());
  args.push("--perms", "1777", "--size", tmpBytes, "--tmpfs", "/tmp");
  args.push("--dir", "/home/agent", "--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp");
  for (const { source, target, mode } of spec.mounts) {
    args.push(mode === "ro" ? "--ro-bind" : "--bind", source, target);
  }
  if (!omit.has("read_only_proc")) args.push("--remount-ro", "/proc");
  if (!omit.has("read_only_root")) args.push("--remount-ro", "/dev", "--remount-ro", "/");
  args.push("--chdir", spec.cwd);
  if (!omit.has("seccomp")) args.push("--seccomp", String(bwrapFds.seccomp));
  args.push("--json-status-fd", String(bwrapFds.status));
  return args;
}

/** Command line for bwrap, wrapped by the Landlock launcher if there is one. */
export function bwrapCommand({ spec, landlock }: BwrapPlan): string[] {
  const launcher = landlock === undefined ? [] : launcherCommand(landlock, landlockRules(spec.mounts));
  return [...launcher, spec.command, ...spec.args];
}
