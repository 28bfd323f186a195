import { HoldfastError } from "@holdfast/core";

/** What a program passes to mount another sandbox as a folder. */
export interface SandboxFsOptions {
  /** The client of that sandbox. */
  readonly client: unknown;
  readonly basePath?: string;
}

/**
 * Mounting another sandbox as a folder of a machine: not supported, and refused instead of imitated. Throws
 * `agent_os.no_fuse`.
 */
export function createSandboxFs(_options: SandboxFsOptions): never {
  throw new HoldfastError("agent_os", "no_fuse", noFuse, { statusCode: 501 });
}

/** Says why, and what to do instead. */
export const noFuse =
  "A sandbox cannot be mounted into a machine: that takes a FUSE file system, for which Node has no maintained library, and jails give programs no /dev/fuse. Copy files with the client of that sandbox (readFsFile, uploadFsBatch) and writeFile of the machine, or mount a folder of the host with { path, hostPath }.";
