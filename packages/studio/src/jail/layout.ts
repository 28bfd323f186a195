import type { JailMount } from "@holdfast/gate";

/** The folders of one task on the host. Everything below `workspace` and `home` is hostile. */
export interface TaskFolders {
  readonly workspace: string;
  readonly home: string;
}

/**
 * Where things are for a process of a jail: a path of the host is mounted at a fixed place, or, without
 * a jail, simply used. Whatever is placed has to exist.
 */
export class Layout {
  readonly mounts: JailMount[] = [];
  readonly #jailed: boolean;

  constructor(jailed: boolean) {
    this.#jailed = jailed;
  }

  place(source: string, target: string, mode: "ro" | "rw"): string {
    if (!this.#jailed) return source;
    this.mounts.push({ source, target, mode });
    return target;
  }
}

/** Places in a jail. */
export const jailPaths = {
  workspace: "/workspace",
  home: "/home/agent",
  node: "/opt/holdfast/bin/node",
  guest: "/opt/holdfast/guest",
  agents: "/opt/holdfast/agents",
  custom: "/opt/holdfast/custom",
  path: "/opt/holdfast/path",
  control: "/run/holdfast/control.sock",
  egress: "/run/holdfast/egress.sock",
  hostGit: "/run/holdfast/host.git",
  out: "/run/holdfast/out",
} as const;

/** PATH inside; the folder of Node comes first, so that scripts that ask for `node` get this one. */
export const jailPath = "/opt/holdfast/bin:/usr/local/bin:/usr/bin:/bin";
