import { invalidConfig } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import { MemoryFiles } from "./files/memory-files.ts";
import { SandboxFiles, type SandboxFilesClient } from "./files/sandbox-files.ts";
import { HostDirectory, MountDriver, type MountDriverOptions } from "./mount-driver.ts";

/** What a program passes to mount another sandbox as a folder. */
export interface SandboxFsOptions extends MountDriverOptions {
  /** The client of that sandbox; it stays the program's to dispose. */
  readonly client: SandboxFilesClient;
  /** The folder there: "/" by default. */
  readonly basePath?: string;
}

/**
 * Another sandbox as a folder of a machine: `mounts: [{ path: "/sandbox", driver: createSandboxFs({ client }) }]`. It is
 * mounted when a machine starts, which fails with `agent_os.no_fuse` where the host cannot. Throws
 * `agent_os.invalid_config`.
 */
export function createSandboxFs({ client, basePath = "/", ...rest }: SandboxFsOptions): MountDriver {
  if (typeof client?.statFs !== "function" || typeof client.writeFsFile !== "function")
    throw invalidConfig(
      "createSandboxFs needs the client of a sandbox: what SandboxAgent.start or connect gives",
    );
  if (!basePath.startsWith("/")) throw invalidConfig("basePath of createSandboxFs must be an absolute path");
  if (rest.timeoutMs !== undefined && !(rest.timeoutMs > 0))
    throw invalidConfig("timeoutMs of createSandboxFs must be a positive number");
  return new MountDriver({ ...rest, basePath, open: (times) => new SandboxFiles(client, times) });
}

/** Options of `createInMemoryFileSystem`. */
export interface MemoryFsOptions extends Pick<MountDriverOptions, "device"> {
  /** Contents of all files together: 64 MiB by default. */
  readonly maxBytes?: number;
}

/**
 * A folder in the memory of this process. Each machine has one of its own, which is empty at each start. Throws
 * `agent_os.invalid_config`.
 */
export function createInMemoryFileSystem(options: MemoryFsOptions = {}): MountDriver {
  const { maxBytes = agentOsLimits.mountMemoryBytes, ...rest } = options;
  if (!(maxBytes > 0 && maxBytes <= agentOsLimits.maxMountMemoryBytes))
    throw invalidConfig(
      `maxBytes of createInMemoryFileSystem must be a positive number up to ${agentOsLimits.maxMountMemoryBytes}`,
    );
  return new MountDriver({ ...rest, basePath: "/", open: () => new MemoryFiles(maxBytes) });
}

/** A folder of the host: the same as `{ path, hostPath }` in `mounts`. */
export function createHostDirBackend({ hostPath }: { readonly hostPath: string }): HostDirectory {
  return new HostDirectory(hostPath);
}
