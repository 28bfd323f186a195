import { setTimeout as delay } from "node:timers/promises";
import { groupMembers, isPopulated, killGroup } from "./cgroup.ts";
import { lookNow, nextLook, type SeenProcess } from "./process-inspection.ts";

export { markerName } from "./process-inspection.ts";

/** What one started command comprises: a process group and session of its own, and a mark in the environment. */
export interface ProcessFamily {
  /** Process id of the leader, which is the id of its group and session too; 0 where it is not known. */
  readonly pid: number;
  /** Value of the marker variable in the environment of every descendant. */
  readonly marker: string;
  /** Process id of what forked the leader, where that does not wait until the leader has a session of its own. */
  readonly forkedBy?: number;
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
  if (family.pid > 0) send(-family.pid, "SIGTERM");
  for (const pid of familyMembers(family, await nextLook())) send(pid, "SIGTERM");
  const deadline = performance.now() + graceMs;
  // The end of a foreign process has no event: look again until the deadline.
  while (isFamilyAlive(family, await nextLook())) {
    if (performance.now() >= deadline) {
      await killFamily(family);
      return;
    }
    await delay(20);
  }
}

/** Ends every process of `family` with SIGKILL. */
export async function killFamily(family: ProcessFamily): Promise<void> {
  const deadline = performance.now() + killPatienceMs;
  // A process may fork between the look and the signal, so look until nobody is left.
  do {
    if (family.group !== undefined) killGroup(family.group);
    if (family.pid > 0) send(-family.pid, "SIGKILL");
    const members = familyMembers(family, await nextLook());
    const hidden = family.group !== undefined && isPopulated(family.group);
    if (members.length === 0 && !hidden) return;
    for (const pid of members) send(pid, "SIGKILL");
    await delay(10);
  } while (performance.now() < deadline);
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
  const deadline = performance.now() + killPatienceMs;
  while (isPopulated(family.group) && performance.now() < deadline) {
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

export function isFamilyAlive(family: ProcessFamily, look = lookNow()): boolean {
  if (family.group !== undefined && isPopulated(family.group)) return true;
  if (process.platform === "linux") return look.some((seen) => isOf(family, seen));
  if (family.pid <= 0) return false;
  try {
    process.kill(-family.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ids of the family's living processes. */
export function familyMembers(family: ProcessFamily, look = lookNow()): number[] {
  const inGroup = family.group === undefined ? [] : groupMembers(family.group);
  const seen = look.filter((process) => isOf(family, process));
  return [...new Set([...inGroup, ...seen.map(({ pid }) => pid)])];
}

/**
 * Whether a process is of the family, by group, session or mark. What was just forked has none of
 * these until it gets to run: it is known by who forked it.
 */
function isOf(family: ProcessFamily, { pid, parent, group, session, marks }: SeenProcess): boolean {
  if (marks.includes(family.marker)) return true;
  if (family.pid <= 0) return false;
  return group === family.pid || session === family.pid || (pid === family.pid && parent === family.forkedBy);
}

/** The marks of all living processes that have one. */
export function livingMarks(): Set<string> {
  return new Set(lookNow().flatMap(({ marks }) => marks));
}
