/** A task's folders on the host. Their contents are untrusted. */
export interface TaskFolders {
  readonly workspace: string;
  readonly home: string;
}

/** Mount targets inside a jail. */
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
  task: "/run/holdfast/task",
  caches: "/opt/holdfast/caches",
} as const;

/** PATH inside a jail. Node's folder comes first, so that scripts get this `node`. */
export const jailPath = "/opt/holdfast/bin:/opt/holdfast/guest/tools:/usr/local/bin:/usr/bin:/bin";
