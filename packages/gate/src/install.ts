import { HoldfastError } from "@holdfast/core";

export interface BubblewrapInstallation {
  readonly path: string;
  readonly version: string;
  /** True when this call installed Debian's package. */
  readonly installed: boolean;
}

export interface EnsureBubblewrapOptions {
  /** Install Debian's package with apt-get when it is missing and this process is root. */
  readonly mayInstall: boolean;
  /** Told what is about to be done, in one line. */
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Finds bubblewrap or installs it. Throws `jail.unavailable` with the exact command to run. */
export async function ensureBubblewrap(options: EnsureBubblewrapOptions): Promise<BubblewrapInstallation> {
  throw new HoldfastError("jail", "unavailable", `Not built yet (may install: ${options.mayInstall})`);
}
