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

/** A limit that a command has hit: a fork failed, or a process was killed. */
export type LimitName = "tasks" | "memory";

interface Controller {
  readonly name: "pids" | "memory";
  readonly limit: LimitName;
  /** The file with the limit, in either version of control groups, and the file and word of its count. */
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

/** A limit that holds here, and where: in the command's own group, or in a hierarchy of version 1 beside it. */
interface Bound {
  readonly controller: Controller;
  readonly value: number;
  /** Directory of the groups of version 1; absent where the command's own group has the controller. */
  readonly directory?: string;
}

/** Few servers run more commands than this at a time. */
const maxIdle = 64;

/**
 * The limits of commands, kept by control groups of either version, or of both, as on machines where
 * version 2 is mounted without controllers. What this user may not limit so is not limited:
 * {@link holds} says what is.
 */
export class LimitGroups {
  readonly #bounds: readonly Bound[];
  /** Empty, reusable groups of version 1, of any hierarchy. */
  readonly #idle: string[] = [];
  /** Groups of tasks in which no limit was hit when it was asked. */
  readonly #unhit = new Set<string>();

  private constructor(bounds: readonly Bound[]) {
    this.#bounds = bounds;
  }

  /** `unified` is the directory of the server's control groups of version 2, which is empty yet. */
  static async create(
    name: string,
    limits: CommandLimits,
    unified: string | undefined,
  ): Promise<LimitGroups> {
    const bounds: Bound[] = [];
    for (const controller of controllers) {
      const value = controller.limit === "tasks" ? limits.maxTasks : limits.maxMemoryBytes;
      if (value === 0) continue;
      if (unified !== undefined && enable(unified, controller.name)) bounds.push({ controller, value });
      else {
        const directory = await versionOne(name, controller, value);
        if (directory !== undefined) bounds.push({ controller, value, directory });
      }
    }
    return new LimitGroups(bounds);
  }

  holds(limit: LimitName): boolean {
    return this.#bounds.some(({ controller }) => controller.limit === limit);
  }

  /** Whether limits are written into the command's own group, which must exist before it is limited. */
  get needsOwn(): boolean {
    return this.#bounds.some(({ directory }) => directory === undefined);
  }

  /** Directories of groups of version 1, for the cleanup after a dead server. */
  get directories(): readonly string[] {
    return this.#bounds.flatMap(({ directory }) => directory ?? []);
  }

  /** Limits a new command: `own` is its group of version 2; the groups that it has to enter beside it. */
  take(id: string, own: string | undefined): readonly string[] {
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

  /** The limits that a command has hit so far. */
  hits(own: string | undefined, beside: readonly string[]): readonly LimitName[] {
    return this.#bounds
      .filter(({ controller, directory }) => {
        const group = directory === undefined ? own : beside.find((path) => path.startsWith(`${directory}/`));
        if (group === undefined) return false;
        const events = read(join(group, controller.events[directory === undefined ? 2 : 1]));
        const isHit = Number(new RegExp(`^${controller.word} (\\d+)$`, "m").exec(events)?.[1] ?? 0) > 0;
        // What a group of memory has cached stays its; one of tasks is as new when it is empty.
        if (isHit) this.#unhit.delete(group);
        else if (controller.limit === "tasks" && directory !== undefined) this.#unhit.add(group);
        return isHit;
      })
      .map(({ controller }) => controller.limit);
  }

  /**
   * Takes back groups that {@link take} gave out, whose command is `gone` with all that is known of it. Those
   * that are as new are for the next command: to make one and remove it takes several times as long as the
   * rest of a start here.
   */
  giveBack(groups: readonly string[], gone: boolean): void {
    for (const group of groups) {
      const asNew = this.#unhit.delete(group) && gone && countsNobody(group);
      if (asNew && this.#idle.length < maxIdle) this.#idle.push(group);
      else removeGroup(group);
    }
  }

  close(): void {
    this.#idle.length = 0;
    for (const directory of this.directories) removeGroups(directory);
  }
}

/**
 * What a shell does before a program where no control group counts its tasks: the system then counts
 * those of its user, the server's and all others included; it exempts root. That bounds strangers too,
 * so that it is for who asked for it. Shells do not agree on the option's name.
 */
export function userTaskLimit(maxTasks: number): string {
  return ` && { ulimit -u ${maxTasks} 2>/dev/null || ulimit -p ${maxTasks}; }`;
}

/** Gives the groups below `directory` a controller; false where its parent does not hand it down. */
function enable(directory: string, controller: string): boolean {
  try {
    if (!words(read(join(directory, "cgroup.controllers"))).includes(controller)) return false;
    appendFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`);
    return true;
  } catch {
    return false;
  }
}

/** The directory for groups in a hierarchy of version 1; undefined where this user cannot limit there. */
async function versionOne(name: string, controller: Controller, value: number): Promise<string | undefined> {
  const parent = ownGroup(controller.name);
  if (parent === undefined) return undefined;
  const directory = join(parent, `holdfast-${name}`);
  const probe = join(directory, "probe");
  try {
    mkdirSync(probe, { recursive: true });
    writeFileSync(join(probe, controller.file[1]), String(value));
    if (await canEnter([probe])) return directory;
  } catch {
    // No permission: this limit is not kept.
  } finally {
    removeGroup(probe);
  }
  removeGroup(directory);
  return undefined;
}

/** Removes the empty groups of version 1 that a dead server has left behind. */
export function removeLimitGroups(name: string): void {
  for (const controller of controllers) {
    const parent = ownGroup(controller.name);
    if (parent !== undefined) removeGroups(join(parent, `holdfast-${name}`));
  }
}

/**
 * True where no task would take room from the next command. One that has ended is counted until its parent
 * has asked how; for an orphan that is the first process of the system, which in many containers never asks.
 */
function countsNobody(group: string): boolean {
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
