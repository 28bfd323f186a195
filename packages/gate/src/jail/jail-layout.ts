import type { JailMount } from "./jail.ts";

/**
 * Maps host paths to paths inside a jail. In a jail, each path is mounted at a fixed target; without one, it is used
 * directly. Mounted paths must exist.
 */
export class JailLayout {
  readonly mounts: JailMount[] = [];
  readonly #jailed: boolean;

  constructor(jailed: boolean) {
    this.#jailed = jailed;
  }

  mount(source: string, target: string, mode: "ro" | "rw"): string {
    if (!this.#jailed) return source;
    this.mounts.push({ source, target, mode });
    return target;
  }

  /** Mounts a folder of a file system in user space ({@link JailMount.remote}). Without a jail it has no target: nothing is mounted. */
  mountRemote(source: string, target: string, mode: "ro" | "rw"): void {
    if (this.#jailed) this.mounts.push({ source, target, mode, remote: true });
  }
}
