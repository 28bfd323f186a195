/** Mount: files that are elsewhere, as a folder. No code of this process may touch what is mounted, as it would wait for itself. */
import { randomUUID } from "node:crypto";
import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { noFuse } from "../errors.ts";
import { agentOsLimits } from "../limits.ts";
import { FileSystem } from "./file-system.ts";
import { CallTimes, type RemoteFiles } from "./files/remote-files.ts";
import { FuseSession } from "./fuse/session.ts";

/** Options of all drivers. */
export interface MountDriverOptions {
  /** How long a call to the other side may take before programs get EIO: 10,000 ms by default. */
  readonly timeoutMs?: number;
  /** /dev/fuse by default. */
  readonly device?: string;
}

/** Where a driver's files come from. */
export interface MountSource extends MountDriverOptions {
  /** The folder on the other side. */
  readonly basePath: string;
  open(times: CallTimes): RemoteFiles | Promise<RemoteFiles>;
}

/** A mount that can be undone. */
export interface MountedFolder {
  /** Where it is mounted. For other processes only: this one would wait for its own answer. */
  readonly path: string;
  /** Unmounts, at once even while programs use it. */
  close(): Promise<void>;
}

/** Files as a folder, for `mounts` of `agentOs`. */
export class MountDriver {
  readonly #source: MountSource;
  readonly #id = randomUUID();

  constructor(source: MountSource) {
    this.#source = source;
  }

  /** Mounts it in a new folder of `directory`. Throws `agent_os.no_fuse`, and what the other side refuses with. */
  async mount(directory: string): Promise<MountedFolder> {
    const { basePath, timeoutMs = agentOsLimits.mountTimeoutMs, device = "/dev/fuse" } = this.#source;
    let session: FuseSession | undefined;
    const remote = await this.#source.open(new CallTimes(timeoutMs, () => session?.atWork()));
    const path = join(directory, randomUUID());
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await mkdir(path, { mode: 0o700 });
      const files = new FileSystem(remote, basePath);
      const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
      const quietMs = timeoutMs + agentOsLimits.mountQuietMs;
      const opened = await FuseSession.open({ device, target: path, files, owner, quietMs }, noFuse);
      session = opened;
      return { path, close: () => opened.close() };
    } catch (error) {
      remote.close();
      // Never with what is in it, which could be the other side.
      await rmdir(path).catch(() => {});
      throw error;
    }
  }

  /** Settings of machines are compared as JSON. */
  toJSON(): string {
    return this.#id;
  }
}

/** A folder of the host, as a driver. */
export class HostDirectory {
  readonly hostPath: string;

  constructor(hostPath: string) {
    this.hostPath = hostPath;
  }
}
