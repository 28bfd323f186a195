/** Resources: limits of memory, processes, processor time and disks. Only this room writes to control groups. */
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JailLimits, JailUsage } from "../jail.ts";
import { type Disk, ioFiles } from "./disk-throttling.ts";

/**
 * A resource that control groups limit. Both versions and their hybrid layout are supported: each resource uses the
 * hierarchy that this process may write to.
 */
export type Resource = "memory" | "pids" | "cpu" | "io";

interface Hierarchy {
  readonly version: 1 | 2;
  /** Directory under which the gate keeps one group per jail. */
  readonly base: string;
  readonly resources: readonly Resource[];
}

/** The hierarchies that can limit jails on this machine. */
export interface CgroupSupport {
  readonly hierarchies: readonly Hierarchy[];
  /** For each resource that cannot be limited, the reason. */
  readonly absent: Readonly<Partial<Record<Resource, string>>>;
}

/** The control groups of one jail, one in each hierarchy. */
export interface JailCgroup {
  /** Directories of the groups, recorded so that the next gate finds orphans. */
  readonly paths: readonly string[];
  /** The `cgroup.procs` files in which the first process enters itself. */
  readonly procsFiles: readonly string[];
  usage(): JailUsage;
  /** Kills everything in the groups and removes them. Resolves to false when something does not die. */
  destroy(): Promise<boolean>;
}

interface Mount {
  readonly root: string;
  readonly path: string;
  readonly version: 1 | 2;
  readonly options: readonly string[];
}

function readMounts(): Mount[] {
  const mounts: Mount[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [left, right] = line.split(" - ");
    const fields = left?.split(" ") ?? [];
    const [type, , options] = right?.split(" ") ?? [];
    const [root, path] = [fields[3], fields[4]];
    if (root === undefined || path === undefined) continue;
    if (type !== "cgroup" && type !== "cgroup2") continue;
    mounts.push({ root, path, version: type === "cgroup" ? 1 : 2, options: options?.split(",") ?? [] });
  }
  return mounts;
}

/** The groups of this process by controller; "" is version 2. */
function ownGroups(): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of readFileSync("/proc/self/cgroup", "utf8").split("\n")) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    for (const controller of match[1].split(",")) groups.set(controller, match[2]);
  }
  return groups;
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Directories below `mount` from the group `own` up to the mount itself. */
function candidates(mount: Mount, own: string): string[] {
  const inside = own.startsWith(mount.root) ? own.slice(mount.root === "/" ? 0 : mount.root.length) : "/";
  const parts = inside.split("/").filter((part) => part !== "" && part !== "..");
  const paths: string[] = [];
  for (let length = parts.length; length >= 0; length--) {
    const path = join(mount.path, ...parts.slice(0, length));
    if (existsSync(path)) paths.push(path);
  }
  return paths;
}

function tryMakeBase(parent: string, name: string): string | undefined {
  const base = join(parent, name);
  try {
    mkdirSync(base, { recursive: true });
    return writable(base) ? base : undefined;
  } catch {
    return undefined;
  }
}

/** The name of a controller in version 1. */
const controllerOf = (resource: Resource) => (resource === "io" ? "blkio" : resource);
const controllerLabel = (resource: Resource) =>
  resource === "io" ? "io (version 2) or blkio (version 1)" : resource;

/** Files that a kernel may lack although it has the controller. */
const throttleFile = { 1: "blkio.throttle.read_bps_device", 2: "io.max" } as const;

function findVersion1(mounts: readonly Mount[], name: string, resource: Resource): Hierarchy | undefined {
  const controller = controllerOf(resource);
  const mount = mounts.find((each) => each.version === 1 && each.options.includes(controller));
  if (!mount) return undefined;
  for (const parent of candidates(mount, ownGroups().get(controller) ?? "/")) {
    const base = tryMakeBase(parent, name);
    if (base === undefined) continue;
    if (resource !== "io" || existsSync(join(base, throttleFile[1]))) {
      return { version: 1, base, resources: [resource] };
    }
    tryRemove(base);
  }
  return undefined;
}

const allResources: readonly Resource[] = ["memory", "pids", "cpu", "io"];

/** Delegates controllers from `parent` to its children; gives those that worked. */
function delegate(parent: string, wanted: readonly Resource[]): Resource[] {
  return wanted.filter((resource) => {
    try {
      writeFileSync(join(parent, "cgroup.subtree_control"), `+${resource}`);
      return true;
    } catch {
      return false;
    }
  });
}

function findVersion2(mounts: readonly Mount[], name: string): Hierarchy | undefined {
  const mount = mounts.find((each) => each.version === 2);
  if (!mount) return undefined;
  for (const parent of candidates(mount, ownGroups().get("") ?? "/")) {
    if (!writable(join(parent, "cgroup.subtree_control")) || !writable(join(parent, "cgroup.procs")))
      continue;
    const offered = readFileSync(join(parent, "cgroup.controllers"), "utf8").trim().split(/\s+/);
    // A group that has processes cannot delegate (except the root), so the search goes up.
    const passed = delegate(
      parent,
      allResources.filter((resource) => offered.includes(resource)),
    );
    if (passed.length === 0 && offered.some((each) => each === "memory" || each === "pids")) continue;
    const base = tryMakeBase(parent, name);
    if (base === undefined) continue;
    const resources = delegate(base, passed);
    const throttles = existsSync(join(base, throttleFile[2]));
    return { version: 2, base, resources: resources.filter((each) => each !== "io" || throttles) };
  }
  return undefined;
}

/** Finds the hierarchies in which groups can be made, and makes the gate's directory there. */
export function detectCgroups(name: string): CgroupSupport {
  const mounts = readMounts();
  const hierarchies: Hierarchy[] = [];
  const absent: Partial<Record<Resource, string>> = {};
  const second = findVersion2(mounts, name);
  for (const resource of allResources) {
    if (second?.resources.includes(resource)) continue;
    const first = findVersion1(mounts, name, resource);
    if (first) hierarchies.push(first);
    else absent[resource] = `no writable control group with the ${controllerLabel(resource)} controller`;
  }
  // Without controllers, version 2 still has cgroup.kill.
  if (second) hierarchies.push(second);
  return { hierarchies, absent };
}

/**
 * The cgroup version with which a process of root, such as the container engine, can throttle disks; undefined where
 * neither can.
 */
export function throttlingVersion(): 1 | 2 | undefined {
  for (const { version, path, options } of readMounts()) {
    if (version === 1 && options.includes("blkio") && existsSync(join(path, throttleFile[1]))) return 1;
    // The root group has no io.max itself.
    const controllers = join(path, "cgroup.controllers");
    if (version === 2 && existsSync(controllers) && /\bio\b/.test(readFileSync(controllers, "utf8")))
      return 2;
  }
  return undefined;
}

/** The cgroup version that throttles the disks of jails; undefined where none does. */
export function throttlingOf({ hierarchies }: CgroupSupport): 1 | 2 | undefined {
  return hierarchies.find(({ resources }) => resources.includes("io"))?.version;
}

const cpuPeriodMicroseconds = 100_000;

function limitFiles(
  hierarchy: Hierarchy,
  limits: JailLimits,
  disks: readonly Disk[],
): [file: string, value: string, required: boolean][] {
  const files: [string, string, boolean][] = [];
  const has = (resource: Resource) => hierarchy.resources.includes(resource);
  const cpuQuota =
    limits.cpus === undefined ? undefined : Math.max(1_000, Math.round(limits.cpus * cpuPeriodMicroseconds));
  if (has("pids") && limits.pids !== undefined) files.push(["pids.max", String(limits.pids), true]);
  if (has("memory") && limits.memoryBytes !== undefined) {
    const bytes = String(limits.memoryBytes);
    if (hierarchy.version === 1) {
      files.push(["memory.limit_in_bytes", bytes, true], ["memory.memsw.limit_in_bytes", bytes, false]);
    } else {
      files.push(["memory.max", bytes, true], ["memory.swap.max", "0", false]);
    }
  }
  if (has("cpu") && cpuQuota !== undefined) {
    if (hierarchy.version === 1) {
      files.push(["cpu.cfs_period_us", String(cpuPeriodMicroseconds), true]);
      files.push(["cpu.cfs_quota_us", String(cpuQuota), true]);
    } else {
      files.push(["cpu.max", `${cpuQuota} ${cpuPeriodMicroseconds}`, true]);
    }
  }
  if (has("io")) {
    for (const [file, line] of ioFiles(hierarchy.version, limits, disks)) files.push([file, line, true]);
  }
  return files;
}

/** Makes the group of one jail in every hierarchy and sets its limits; disk rates apply to each of `disks`. */
export function createCgroup(
  support: CgroupSupport,
  id: string,
  limits: JailLimits,
  disks: readonly Disk[] = [],
): JailCgroup {
  const groups = support.hierarchies.map((hierarchy) => ({ hierarchy, path: join(hierarchy.base, id) }));
  const made: string[] = [];
  try {
    for (const { hierarchy, path } of groups) {
      mkdirSync(path);
      made.push(path);
      for (const [file, value, required] of limitFiles(hierarchy, limits, disks)) {
        // Kernels without swap accounting lack the swap limit, which is optional.
        if (required || existsSync(join(path, file))) appendFileSync(join(path, file), value);
      }
    }
  } catch (error) {
    // Removes only groups that this call created. The next gate finds those that remain.
    for (const path of made) tryRemove(path);
    throw error;
  }
  const paths = groups.map((group) => group.path);
  return {
    paths,
    procsFiles: paths.map((path) => join(path, "cgroup.procs")),
    usage: () => readUsage(groups),
    destroy: () => destroyCgroups(paths),
  };
}

function readUsage(groups: readonly { hierarchy: Hierarchy; path: string }[]): JailUsage {
  const usage: { -readonly [Key in keyof JailUsage]: JailUsage[Key] } = {};
  const set = (key: keyof JailUsage, path: string, file: string, field?: string) => {
    const value = readNumber(join(path, file), field);
    if (value !== undefined) usage[key] = value;
  };
  for (const { hierarchy, path } of groups) {
    const version1 = hierarchy.version === 1;
    if (hierarchy.resources.includes("memory")) {
      set("memoryBytes", path, version1 ? "memory.usage_in_bytes" : "memory.current");
      set("memoryPeakBytes", path, version1 ? "memory.max_usage_in_bytes" : "memory.peak");
      set("memoryKills", path, version1 ? "memory.oom_control" : "memory.events", "oom_kill");
    }
    if (hierarchy.resources.includes("cpu")) set("cpuThrottledPeriods", path, "cpu.stat", "nr_throttled");
    if (hierarchy.resources.includes("pids")) {
      set("pids", path, "pids.current");
      set("pidsRefused", path, "pids.events", "max");
    }
  }
  return usage;
}

function readNumber(file: string, field?: string): number | undefined {
  try {
    const text = readFileSync(file, "utf8");
    if (field === undefined) return Number(text.trim());
    const line = text.split("\n").find((each) => each.startsWith(`${field} `));
    return line === undefined ? undefined : Number(line.slice(field.length + 1));
  } catch {
    // The group was removed, or this kernel lacks the file.
    return undefined;
  }
}

/** Time for the kernel to reap killed processes. */
const destroyDeadlineMs = 2_000;

/** Kills all processes in these groups and removes the groups. Ignores missing groups. */
export async function destroyCgroups(paths: readonly string[]): Promise<boolean> {
  const deadline = performance.now() + destroyDeadlineMs;
  let left = paths.filter((path) => existsSync(path));
  for (let pause = 1; left.length > 0 && performance.now() < deadline; pause = Math.min(pause * 2, 50)) {
    for (const path of left) killGroup(path);
    left = left.filter((path) => !tryRemove(path));
    // Polled, since version 1 has no event for the end of the last process.
    if (left.length > 0) await delay(pause);
  }
  return left.length === 0;
}

function killGroup(path: string): void {
  try {
    if (existsSync(join(path, "cgroup.kill"))) {
      writeFileSync(join(path, "cgroup.kill"), "1");
      return;
    }
    for (const line of readFileSync(join(path, "cgroup.procs"), "utf8").split("\n")) {
      const pid = Number(line);
      if (Number.isInteger(pid) && pid > 1) process.kill(pid, "SIGKILL");
    }
  } catch {
    // It is gone, or the next round tries again.
  }
}

function tryRemove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}

/** Groups in the gate's directories that a killed gate left behind. */
export function leftoverCgroups(support: CgroupSupport): string[] {
  return support.hierarchies.flatMap((hierarchy) =>
    readdirSync(hierarchy.base, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(hierarchy.base, entry.name)),
  );
}

/** Removes the gate's directories, which are empty by now. */
export function removeCgroupBases(support: CgroupSupport): void {
  for (const hierarchy of support.hierarchies) tryRemove(hierarchy.base);
}
