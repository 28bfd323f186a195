import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Shell script that enters the control groups before "--" and then executes the command behind it. Nothing that the
 * command starts can be outside them. `exec` keeps the process id, which is also the id of the session and process
 * group.
 */
const enter = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 126; shift; done; shift';

/** Variables that a shell sets by itself. They are removed, so that the program gets only its own environment. */
const shellVariables = ["PWD", "OLDPWD", "SHLVL"];

/** Returns the command that runs `program` inside `groups`, with exactly the environment `env`. */
export function commandInGroups(
  groups: readonly string[],
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  before = "",
): { readonly program: string; readonly args: readonly string[] } {
  const added = shellVariables.filter((name) => !Object.hasOwn(env, name));
  const forget = added.length === 0 ? "" : ` && unset ${added.join(" ")}`;
  return {
    program: "/bin/sh",
    args: ["-c", `${enter}${before}${forget} && exec "$@"`, "sh", ...groups, "--", program, ...args],
  };
}

/**
 * Control groups (cgroup v2) for the processes of one server, one group per command. On Linux only a control group
 * ensures that no process escapes while the others are killed.
 */
export class ControlGroups {
  readonly directory: string;
  #count = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Returns undefined if this user may not create control groups, or if the kernel cannot kill one (before 5.14). */
  static async create(name: string): Promise<ControlGroups | undefined> {
    const parent = ownGroup();
    if (parent === undefined) return undefined;
    const directory = join(parent, `holdfast-${name}`);
    const groups = new ControlGroups(directory);
    try {
      mkdirSync(directory);
      const probe = groups.createGroup();
      const entered = existsSync(join(probe, "cgroup.kill")) && (await canEnter(probe));
      removeGroup(probe);
      if (entered) return groups;
    } catch {
      // No permission: the processes are found by session and mark instead.
    }
    groups.close();
    return undefined;
  }

  /** Creates a new group. Returns its directory. */
  createGroup(): string {
    const path = this.reserveGroup();
    mkdirSync(path);
    return path;
  }

  /**
   * Reserves the directory of a group that the caller creates. No name is used twice, so that a stale reference never
   * reaches another command's group.
   */
  reserveGroup(): string {
    this.#count += 1;
    return join(this.directory, String(this.#count));
  }

  /** Removes all empty groups. */
  close(): void {
    removeGroups(this.directory);
  }
}

/** True while a process of the group or of one below it lives; zombies do not count. */
export function isPopulated(group: string): boolean {
  return read(join(group, "cgroup.events")).includes("populated 1");
}

export function groupMembers(group: string): number[] {
  return read(join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
}

/** Sends SIGKILL atomically to every process of the group, including those that are being forked. */
export function killGroup(group: string): void {
  try {
    writeFileSync(join(group, "cgroup.kill"), "1");
  } catch {
    // The group is gone, and so are its processes.
  }
}

/** Removes a group if it exists and is empty. */
export function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // It holds something, or was never made.
  }
}

/** Removes the empty groups of a dead server, and their directory once it is empty. */
export function removeGroups(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(directory, entry.name));
    }
  } catch {
    // They were removed by the server's own watchman.
  }
  removeGroup(directory);
}

/**
 * Returns the directory of this process's own control group: in version 2, or in the version 1 hierarchy of
 * `controller`.
 */
export function ownGroup(controller?: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const own = ownPath(controller);
  if (own === undefined) return undefined;
  for (const line of read("/proc/self/mountinfo").split("\n")) {
    const [left, right] = line.split(" - ");
    const [type, , options = ""] = right?.split(" ") ?? [];
    if (controller === undefined ? type !== "cgroup2" : type !== "cgroup") continue;
    if (controller !== undefined && !options.split(",").includes(controller)) continue;
    const [, , , root = "/", mountPoint = ""] = left?.split(" ") ?? [];
    const below = root === "/" ? own : own.startsWith(root) ? own.slice(root.length) : "";
    return join(mountPoint, below);
  }
  return undefined;
}

function ownPath(controller: string | undefined): string | undefined {
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, names = "", path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controller === undefined ? names === "" : names.split(",").includes(controller)) return path;
  }
  return undefined;
}

/** Parent directories of the groups of servers in which a program could be started. */
const enterable = new Set<string>();

/**
 * Whether a program can be started inside the groups of a server, of which `group` is one. What has worked is not tried
 * again for another server of this process: it depends on the user and the mounts.
 */
export async function canEnter(group: string): Promise<boolean> {
  const parent = dirname(dirname(group));
  if (enterable.has(parent)) return true;
  const entered = await tryToEnter(group);
  if (entered) enterable.add(parent);
  return entered;
}

function tryToEnter(group: string): Promise<boolean> {
  const { program, args } = commandInGroups([group], "/bin/sh", ["-c", ":"], {});
  return new Promise((resolve) => {
    execFile(program, [...args], { env: {}, timeout: 5_000 }, (error) => resolve(error === null));
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
