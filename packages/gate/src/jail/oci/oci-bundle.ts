/**
 * OCI: roots, mounts, filters and the init process in the terms of the OCI runtime specification, shared by the drivers
 * that use an OCI runtime.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { hostEtcPaths, writeEtc } from "../bubblewrap/bwrap-arguments.ts";
import { usrConfigDirectories } from "../host/usr-config-directories.ts";
import type { JailMount, JailSpec } from "../jail.ts";
import { jailLimits } from "../jail-spec.ts";
import { initCommand } from "./jail-init.ts";

/** Read-only mounts of the host's programs, libraries and certificates, which every jail has. */
export function systemMounts(): JailMount[] {
  const directories = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"];
  return [
    ...directories.filter((path) => existsSync(path) && !lstatSync(path).isSymbolicLink()),
    ...hostEtcPaths,
  ]
    .filter((path) => existsSync(path))
    .map((path) => ({ source: path, target: path, mode: "ro" }));
}

/** The links at the root of a merged-usr system: [name, target]. */
function systemLinks(): [string, string][] {
  return ["bin", "lib", "lib32", "lib64", "libx32", "sbin"].flatMap((name): [string, string][] => {
    const path = `/${name}`;
    return existsSync(path) && lstatSync(path).isSymbolicLink() ? [[name, readlinkSync(path)]] : [];
  });
}

/** Directories of every root, besides its mount points. */
const rootDirectories = ["etc", "proc", "dev", "tmp", "run", "var", "sys", "home/agent"] as const;

export interface BundlePlan {
  readonly spec: JailSpec;
  /** Existing directory of the caller. */
  readonly directory: string;
  /** Compiled system call filter, which the first process loads before it starts the command. */
  readonly filter: Buffer;
  readonly user: { readonly uid: number; readonly gid: number };
}

/** Makes a mount point of the right kind, so that no runtime has to. */
function makeMountPoint(root: string, { source, target, remote }: JailMount): void {
  const path = join(root, target);
  if (existsSync(path)) return;
  if (remote === true || statSync(source).isDirectory()) {
    mkdirSync(path, { recursive: true });
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
  }
}

/** Writes the root directory of a jail: a synthetic /etc, links and mount points, and nothing else. */
export function writeRoot(root: string, mounts: readonly JailMount[]): void {
  rmSync(root, { recursive: true, force: true });
  for (const name of rootDirectories) mkdirSync(join(root, name), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  for (const [name, target] of systemLinks()) symlinkSync(target, join(root, name));
  symlinkSync("../tmp", join(root, "var/tmp"));
  writeEtc(join(root, "etc"));
  for (const mount of mounts) makeMountPoint(root, mount);
}

/** OCI mount that hides a directory of the host behind an empty one. */
export function emptyDirectoryMount(destination: string, ...more: readonly string[]): object {
  return {
    ...{ destination, type: "tmpfs", source: "tmpfs" },
    options: ["ro", "nosuid", "nodev", "noexec", "mode=755", "size=65536", ...more],
  };
}

/** Writes an OCI bundle (config.json and rootfs) for a checked spec. */
export function writeBundle(plan: BundlePlan): void {
  const { spec, directory } = plan;
  writeRoot(join(directory, "rootfs"), [...systemMounts(), ...spec.mounts]);
  writeFileSync(join(directory, "config.json"), JSON.stringify(bundleConfig(plan)), { mode: 0o600 });
}

/** The config.json of a jail (OCI runtime specification). */
export function bundleConfig({ spec, filter, user }: Omit<BundlePlan, "directory">): object {
  const mounts = [...systemMounts(), ...spec.mounts];
  const tmpBytes = spec.limits?.tmpBytes ?? jailLimits.defaultTmpBytes;
  const temporary = (destination: string) => ({
    ...{ destination, type: "tmpfs", source: "tmpfs" },
    options: ["nosuid", "nodev", "mode=1777", `size=${tmpBytes}`],
  });
  const none: string[] = [];
  return {
    ociVersion: "1.0.2",
    process: {
      user,
      args: initCommand({
        env: { ...spec.env, PWD: spec.cwd },
        command: [spec.command, ...spec.args],
        filter,
      }),
      env: none,
      cwd: spec.cwd,
      capabilities: { bounding: none, effective: none, inheritable: none, permitted: none, ambient: none },
      rlimits: [{ type: "RLIMIT_CORE", hard: 0, soft: 0 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "jail",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["ro", "nosuid", "nodev", "noexec"] },
      // Not read-only, since gVisor opens no device for writing on a read-only mount.
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=65536"] },
      temporary("/dev/shm"),
      temporary("/tmp"),
      ...mounts.map(({ source, target, mode }) => ({
        ...{ destination: target, type: "bind", source },
        options: ["rbind", "nosuid", "nodev", mode],
      })),
      ...usrConfigDirectories().map((path) => emptyDirectoryMount(path)),
    ],
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
}
