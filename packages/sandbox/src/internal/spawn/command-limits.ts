import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canEnter, ownGroup, removeGroup, removeGroups } from "./cgroup.ts";

/** Limits for one command and all its descendants; 0 means no limit. */
export interface CommandLimits {
  /** Concurrent processes and threads. */
  readonly maxTasks: number;
  readonly maxMemoryBytes: number;
  /** Limits the tasks of the whole user if those of a command cannot be counted. */
  readonly ofUser?: boolean;
}

/** A limit that a command hit: a fork failed, or a process was killed. */
export type LimitName = "tasks" | "memory";

interface Controller {
  readonly name: "pids" | "memory";
  readonly limit: LimitName;
  /** Files of the limit and of its event counter, by version of control groups. `word` is the name of the counter. */
  readonly file: { readonly 1: string; readonly 2: string };
  readonly events: { readonly 1: string; readonly 2: string };
  readonly word: string;
}

const controllers: readonly Controller[] = [
  {
    name: "pids",
    limit: "tasks",
    file: { 1: "pids.max", 2: "pids.max" },
    events: { 1: "pids.events", 2: "pids.events" },
    word: "max",
  },
  {
    name: "memory",
    limit: "memory",
    file: { 1: "memory.limit_in_bytes", 2: "memory.max" },
    events: { 1: "memory.oom_control", 2: "memory.events" },
    word: "oom_kill",
  },
];

/** A limit that can be enforced: in the command's own group, or in a version 1 hierarchy beside it. */
interface EnforcedLimit {
  readonly controller: Controller;
  readonly value: number;
  /** Parent directory of the version 1 groups; absent if the command's own group has the controller. */
  readonly directory?: string;
}

/** Maximum number of pooled groups. Few servers run more commands concurrently. */
const maxIdle = 64;

/**
 * Enforces the limits of commands by control groups of version 1, version 2 or both, since some machines mount version
 * 2 without controllers. A limit that this user may not set is not enforced: see {@link enforces}.
 */
export class LimitGroups {
  readonly #bounds: readonly EnforcedLimit[];
  /** Pool of empty version 1 groups of all hierarchies. */
  readonly #idle: string[] = [];
  /** Task groups whose limit had not been hit at the last check. Only these are reused. */
  readonly #clean = new Set<string>();

  private constructor(bounds: readonly EnforcedLimit[]) {
    this.#bounds = bounds;
  }

  /** `unified` is the directory of the server's version 2 control groups. It must still be empty. */
  static async create(
    name: string,
    limits: CommandLimits,
    unified: string | undefined,
  ): Promise<LimitGroups> {
    const bounds: EnforcedLimit[] = [];
    for (const controller of controllers) {
      const value = controller.limit === "tasks" ? limits.maxTasks : limits.maxMemoryBytes;
      if (value === 0) continue;
      if (unified !== undefined && enable(unified, controller.name)) bounds.push({ controller, value });
      else {
        const directory = await createVersionOneDirectory(name, controller, value);
        if (directory !== undefined) bounds.push({ controller, value, directory });
      }
    }
    return new LimitGroups(bounds);
  }

  enforces(limit: LimitName): boolean {
    return this.#bounds.some(({ controller }) => controller.limit === limit);
  }

  /** Whether limits are written into the command's own group, which must then exist first. */
  get needsOwnGroup(): boolean {
    return this.#bounds.some(({ directory }) => directory === undefined);
  }

  /** Directories of the version 1 groups, for the cleanup after a dead server. */
  get directories(): readonly string[] {
    return this.#bounds.flatMap(({ directory }) => directory ?? []);
  }

  /**
   * Sets the limits of a new command in `own`, its version 2 group. Returns the version 1 groups that it must also
   * enter.
   */
  acquire(id: string, own: string | undefined): readonly string[] {
    return this.#bounds.flatMap(({ controller, value, directory }) => {
      if (directory === undefined) {
        if (own !== undefined) writeFileSync(join(own, controller.file[2]), String(value));
        return [];
      }
      const idle = this.#idle.findIndex((path) => path.startsWith(`${directory}/`));
      if (idle !== -1) return this.#idle.splice(idle, 1);
      const group = join(directory, id);
      mkdirSync(group);
      writeFileSync(join(group, controller.file[1]), String(value));
      return [group];
    });
  }

  /** Returns the limits that a command has hit so far. */
  hits(own: string | undefined, beside: readonly string[]): readonly LimitName[] {
    return this.#bounds
      .filter(({ controller, directory }) => {
        const group = directory === undefined ? own : beside.find((path) => path.startsWith(`${directory}/`));
        if (group === undefined) return false;
        const events = read(join(group, controller.events[directory === undefined ? 2 : 1]));
        const isHit = Number(new RegExp(`^${controller.word} (\\d+)$`, "m").exec(events)?.[1] ?? 0) > 0;
        // An empty task group can be reused. A memory group cannot, because its page cache stays charged to it.
        if (isHit) this.#clean.delete(group);
        else if (controller.limit === "tasks" && directory !== undefined) this.#clean.add(group);
        return isHit;
      })
      .map(({ controller }) => controller.limit);
  }

  /**
   * Releases groups from {@link acquire}. `gone` tells that no process of the command remains. Clean groups return to the
   * pool, because creating and removing one takes several times as long as the rest of a start.
   */
  release(groups: readonly string[], gone: boolean): void {
    for (const group of groups) {
      const isReusable = this.#clean.delete(group) && gone && isEmptyGroup(group);
      if (isReusable && this.#idle.length < maxIdle) this.#idle.push(group);
      else removeGroup(group);
    }
  }

  close(): void {
    this.#idle.length = 0;
    for (const directory of this.directories) removeGroups(directory);
  }
}

/**
 * Shell prefix that limits the tasks of the user (RLIMIT_NPROC), for systems where no control group counts those of
 * the command. The limit also counts the server and unrelated processes of the user, so it is opt-in; root is exempt.
 * Shells disagree on the name of the option.
 */
export function userTaskLimit(maxTasks: number): string {
  return ` && { ulimit -u ${maxTasks} 2>/dev/null || ulimit -p ${maxTasks}; }`;
}

/** Enables a controller for the groups below `directory`. Returns false if the parent does not delegate it. */
function enable(directory: string, controller: string): boolean {
  try {
    if (!words(read(join(directory, "cgroup.controllers"))).includes(controller)) return false;
    appendFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`);
    return true;
  } catch {
    return false;
  }
}

/**
 * Creates the directory for groups in a version 1 hierarchy. Returns undefined if this user may not set limits there.
 */
async function createVersionOneDirectory(
  name: string,
  controller: Controller,
  value: number,
): Promise<string | undefined> {
  const parent = ownGroup(controller.name);
  if (parent === undefined) return undefined;
  const directory = join(parent, `holdfast-${name}`);
  const probe = join(directory, "probe");
  try {
    mkdirSync(probe, { recursive: true });
    writeFileSync(join(probe, controller.file[1]), String(value));
    if (await canEnter(probe)) return directory;
  } catch {
    // No permission: this limit is not kept.
  } finally {
    removeGroup(probe);
  }
  removeGroup(directory);
  return undefined;
}

/** Removes the empty version 1 groups that a dead server left behind. */
export function removeVersionOneGroups(name: string): void {
  for (const controller of controllers) {
    const parent = ownGroup(controller.name);
    if (parent !== undefined) removeGroups(join(parent, `holdfast-${name}`));
  }
}

/**
 * Whether the group counts no task that would reduce the next command's limit. A zombie counts until its parent waits
 * for it. The parent of an orphan is init, which never waits in many containers.
 */
function isEmptyGroup(group: string): boolean {
  return read(join(group, "pids.current")).trim() === "0";
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
