import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { invalidConfig } from "../errors.ts";
import { createS3Backend, type S3BackendOptions } from "./bucket-driver.ts";
import { createInMemoryFileSystem, type MemoryFsOptions } from "./drivers.ts";
import { HostDirectory, MountDriver } from "./mount-driver.ts";

/** A folder of the host that is visible in machines. */
export interface HostMount {
  readonly path: string;
  readonly hostPath: string;
  readonly readOnly?: boolean;
}

/** Files from elsewhere that are visible in machines as a folder. */
export interface DriverMount {
  readonly path: string;
  readonly driver: MountDriver;
  readonly readOnly?: boolean;
}

/** A driver by its name. */
export type PluginDescription =
  | { readonly id: "host_dir"; readonly config: { readonly hostPath: string } }
  | { readonly id: "memory"; readonly config?: MemoryFsOptions }
  | { readonly id: "s3"; readonly config: S3BackendOptions };

/** A mount as programs of the peer write it. */
export type PluginMount =
  | { readonly path: string; readonly driver: HostDirectory; readonly readOnly?: boolean }
  | {
      readonly path: string;
      readonly plugin: MountDriver | HostDirectory | PluginDescription;
      readonly readOnly?: boolean;
    };

/** A folder of the machine: of the host, of a driver, or of a driver by its name. */
export type GivenMount = HostMount | DriverMount | PluginMount;

export interface ParsedMounts {
  readonly mounts: readonly HostMount[];
  readonly drivers: readonly DriverMount[];
}

/** Checks mounts; drivers need a jail, as other machines have the paths of the host. Throws `agent_os.invalid_config`. */
export function parseMounts(given: readonly GivenMount[], isJailed: boolean): ParsedMounts {
  const mounts: HostMount[] = [];
  const drivers: DriverMount[] = [];
  for (const mount of given) {
    const { path, readOnly } = mount;
    if (typeof path !== "string" || !isAbsolute(path))
      throw invalidConfig("The path of a mount must be an absolute path in the machine");
    const source = "hostPath" in mount ? new HostDirectory(mount.hostPath) : driverOf(mount);
    const own = { path, ...(readOnly === undefined ? {} : { readOnly }) };
    if (source instanceof HostDirectory) mounts.push({ ...own, hostPath: checkedFolder(path, source) });
    else if (!isJailed)
      throw invalidConfig(
        `The mount ${path} needs provider: "jail": other machines have the paths of the host`,
      );
    else drivers.push({ ...own, driver: source });
  }
  return { mounts, drivers };
}

function checkedFolder(path: string, { hostPath }: HostDirectory): string {
  if (typeof hostPath !== "string" || !existsSync(hostPath))
    throw invalidConfig(`The hostPath of the mount ${path} must be a folder of the host that exists`);
  return resolve(hostPath);
}

function driverOf(mount: DriverMount | PluginMount): MountDriver | HostDirectory {
  const given = "plugin" in mount ? mount.plugin : mount.driver;
  if (given instanceof MountDriver || given instanceof HostDirectory) return given;
  return named(mount.path, given);
}

function named(path: string, plugin: PluginDescription): MountDriver | HostDirectory {
  switch (plugin?.id) {
    case "host_dir":
      return new HostDirectory(plugin.config?.hostPath);
    case "memory":
      return createInMemoryFileSystem(plugin.config);
    case "s3":
      return createS3Backend(plugin.config);
    default:
      throw invalidConfig(unknownDriver(path, plugin));
  }
}

function unknownDriver(path: string, plugin: unknown): string {
  const id = typeof plugin === "object" && plugin !== null ? Reflect.get(plugin, "id") : undefined;
  if (id === "google_drive")
    return `The mount ${path} cannot be a folder of Google Drive, which has several files of one name and no conditional writes. Copy the files into the machine, or use a bucket: createS3Backend`;
  return `The mount ${path} needs a hostPath, or as its driver what createSandboxFs, createInMemoryFileSystem or createS3Backend gives`;
}
