import type { JailMount } from "@holdfast/gate";
import { terminalBinding } from "@holdfast/sandbox";

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
  modules: "/opt/holdfast/node_modules",
  agents: "/opt/holdfast/agents",
  custom: "/opt/holdfast/custom",
  path: "/opt/holdfast/path",
  skills: "/opt/holdfast/skills",
  agentSkills: "/opt/holdfast/agent-skills",
  control: "/run/holdfast/control.sock",
  egress: "/run/holdfast/egress.sock",
  authority: "/run/holdfast/authority.pem",
  authorities: "/run/holdfast/authorities.pem",
  gate: "/run/holdfast/gate",
  local: "/tmp/.holdfast",
  hostGit: "/run/holdfast/host.git",
  out: "/run/holdfast/out",
} as const;

/** PATH inside; the folder of Node comes first, so that scripts that ask for `node` get this one. */
export const jailPath = "/opt/holdfast/bin:/opt/holdfast/guest/tools:/usr/local/bin:/usr/bin:/bin";

/**
 * Places what a bundle of the sandbox server cannot hold, the native part of its terminals, and gives the
 * environment in which the server finds it. Without it, where there is none for the platform, the server
 * answers 501 for terminals.
 */
export function placeTerminals(layout: Layout): Readonly<Record<string, string>> {
  const binding = terminalBinding();
  if (binding === undefined) return {};
  const placed = layout.place(binding.directory, `${jailPaths.modules}/${binding.name}`, "ro");
  return { NODE_PATH: placed.slice(0, -binding.name.length - 1) };
}
