import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { groupMembers, isPopulated, killGroup } from "./cgroup.ts";

/** Environment variable by which processes are found that left the group of what started them. */
export const markerName = "HOLDFAST_SANDBOX";

/** What one started command comprises: a process group and session of its own, and a mark in the environment. */
export interface ProcessFamily {
  /** Process id of the leader, which is the id of its group and session too; 0 where it is not known. */
  readonly pid: number;
  /** Value of {@link markerName} in the environment of every descendant. */
  readonly marker: string;
  /** Process id of the spawn host that forked the leader, where one did. */
  readonly host?: number;
  /** Directory of the control group that holds every descendant, where there are control groups. */
  readonly group?: string;
  /** Directories of further control groups that limit it and hold every descendant too. */
  readonly limited?: readonly string[];
}

/** How long SIGKILL is repeated for what keeps forking. */
const killPatienceMs = 3_000;

/**
 * Ends every process of `family`: SIGTERM, and SIGKILL after `graceMs` for those that are left.
 * On Linux this includes descendants that made a group or session of their own; elsewhere the group.
 */
export async function endFamily(family: ProcessFamily, graceMs: number): Promise<void> {
  signalFamily(family, "SIGTERM");
  const deadline = Date.now() + graceMs;
  // The end of a foreign process has no event: look again until the deadline.
  while (isFamilyAlive(family)) {
    if (Date.now() >= deadline) {
      await killFamily(family);
      return;
    }
    await delay(20);
  }
}

/** Ends every process of `family` with SIGKILL. */
export async function killFamily(family: ProcessFamily): Promise<void> {
  const deadline = Date.now() + killPatienceMs;
  // A process may fork between the look and the signal, so look until nobody is left.
  do {
    if (family.group !== undefined) killGroup(family.group);
    if (family.pid > 0) send(-family.pid, "SIGKILL");
    const members = familyMembers(family);
    const hidden = family.group !== undefined && isPopulated(family.group);
    if (members.length === 0 && !hidden) return;
    for (const pid of members) send(pid, "SIGKILL");
    await delay(10);
  } while (Date.now() < deadline);
}

/**
 * Ends what a family left behind whose leader has exited. Where it has a control group nobody can be
 * elsewhere, so that an empty one costs one look; otherwise every process of the machine is looked at.
 */
export async function killRemains(family: ProcessFamily): Promise<void> {
  if (family.group === undefined) {
    await killFamily(family);
    return;
  }
  const deadline = Date.now() + killPatienceMs;
  while (isPopulated(family.group) && Date.now() < deadline) {
    killGroup(family.group);
    await delay(5);
  }
}

/** Sends a signal to every process of the family. */
export function signalFamily(family: ProcessFamily, signal: NodeJS.Signals): void {
  // To the system, group 0 is the caller's own.
  if (family.pid > 0) send(-family.pid, signal);
  for (const pid of familyMembers(family)) send(pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it is gone already, which is what was wanted.
  }
}

export function isFamilyAlive(family: ProcessFamily): boolean {
  if (family.group !== undefined && isPopulated(family.group)) return true;
  if (process.platform === "linux") return scan(family).length > 0;
  if (family.pid <= 0) return false;
  try {
    process.kill(-family.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ids of the family's living processes. */
export function familyMembers(family: ProcessFamily): number[] {
  const inGroup = family.group === undefined ? [] : groupMembers(family.group);
  return [...new Set([...inGroup, ...scan(family)])];
}

/**
 * Living processes of the family by group, session or mark; zombies do not count. What a host has just
 * forked has none of these until it gets to run: it is known by who forked it.
 */
function scan(family: ProcessFamily): number[] {
  const mark = `${markerName}=${family.marker}`;
  return processIds().filter((pid) => {
    const facts = statOf(pid);
    if (facts === undefined) return false;
    const related = facts.group === family.pid || facts.session === family.pid;
    const forked = pid === family.pid && facts.parent === family.host;
    return ((related || forked) && family.pid > 0) || environOf(pid).includes(mark);
  });
}

/** The marks of all living processes that have one. */
export function livingMarks(): Set<string> {
  return new Set(
    processIds().flatMap((pid) => {
      const marker = markOf(pid);
      return marker === undefined || statOf(pid) === undefined ? [] : [marker];
    }),
  );
}

/** The mark of a living process; undefined where it has none, or cannot be read. */
export function markOf(pid: number): string | undefined {
  const variable = environOf(pid).find((text) => text.startsWith(`${markerName}=`));
  return variable?.slice(markerName.length + 1);
}

function processIds(): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
}

export interface ProcessStat {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** In clock ticks since the start of the machine: with the id it names one process for ever. */
  readonly startTicks: number;
}

/** Facts about a living process; undefined for one that is gone or a zombie. */
export function statOf(pid: number): ProcessStat | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command in parentheses may contain anything; the fields after the last one are fixed.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  if (stat === "" || state === "Z" || state === "X") return undefined;
  return {
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks: Number(fields[19]),
  };
}

function environOf(pid: number): string[] {
  return read(`/proc/${pid}/environ`).split("\0");
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
