/** Mount: another sandbox as a folder. No code of this process may touch what is mounted, as it would wait for itself. */
import { randomUUID } from "node:crypto";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { invalidConfig, noFuse } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import { FarFiles, type SandboxFilesClient } from "./far-files.ts";
import { FileSystem } from "./file-system.ts";
import { FuseSession } from "./fuse/session.ts";

/** What a program passes to mount another sandbox as a folder. */
export interface SandboxFsOptions {
  /** The client of that sandbox; it stays the program's to dispose. */
  readonly client: SandboxFilesClient;
  /** The folder there: "/" by default. */
  readonly basePath?: string;
  /** How long a call to that sandbox may take before programs get EIO: 10,000 ms by default. */
  readonly timeoutMs?: number;
  /** /dev/fuse by default. */
  readonly device?: string;
}

/** A mount that can be undone. */
export interface MountedFolder {
  /** Where it is mounted. For other processes only: this one would wait for its own answer. */
  readonly path: string;
  /** Unmounts, at once even while programs use it. */
  close(): Promise<void>;
}

/** Another sandbox as a folder, for `mounts` of `agentOs`. */
export class SandboxFs {
  readonly #options: SandboxFsOptions;
  readonly #id = randomUUID();

  constructor(options: SandboxFsOptions) {
    this.#options = options;
  }

  /** Mounts it in a new folder of `directory`. Throws `agent_os.no_fuse`. */
  async mount(directory: string): Promise<MountedFolder> {
    const { client, basePath = "/", timeoutMs = agentOsLimits.mountTimeoutMs, device } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, randomUUID());
    await mkdir(path, { mode: 0o700 });
    let session: FuseSession | undefined;
    const files = new FileSystem(new FarFiles(client, timeoutMs, () => session?.atWork()), basePath);
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    try {
      const quietMs = timeoutMs + agentOsLimits.mountQuietMs;
      const options = { device: device ?? "/dev/fuse", target: path, files, owner, quietMs };
      const opened = await FuseSession.open(options, noFuse);
      session = opened;
      return { path, close: () => opened.close() };
    } catch (error) {
      // Never with what is in it, which could be the other sandbox.
      await rmdir(path).catch(() => {});
      throw error;
    }
  }

  /** Settings of machines are compared as JSON. */
  toJSON(): string {
    return this.#id;
  }
}

/**
 * Another sandbox as a folder of a machine: `mounts: [{ path: "/sandbox", driver: createSandboxFs({ client }) }]`. It is
 * mounted when a machine starts, which fails with `agent_os.no_fuse` where the host cannot. Throws
 * `agent_os.invalid_config`.
 */
export function createSandboxFs(options: SandboxFsOptions): SandboxFs {
  const { client, basePath = "/", timeoutMs } = options;
  if (typeof client?.statFs !== "function" || typeof client.writeFsFile !== "function")
    throw invalidConfig(
      "createSandboxFs needs the client of a sandbox: what SandboxAgent.start or connect gives",
    );
  if (!basePath.startsWith("/")) throw invalidConfig("basePath of createSandboxFs must be an absolute path");
  if (timeoutMs !== undefined && !(timeoutMs > 0))
    throw invalidConfig("timeoutMs of createSandboxFs must be a positive number");
  return new SandboxFs(options);
}
