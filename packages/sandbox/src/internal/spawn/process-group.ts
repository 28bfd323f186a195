import { setTimeout as delay } from "node:timers/promises";
import { groupMembers, isPopulated, killGroup } from "./cgroup.ts";
import {
  nextProcessSnapshot,
  readStat,
  type SnapshotProcess,
  takeProcessSnapshot,
} from "./process-inspection.ts";

export { markerName } from "./process-inspection.ts";

/** Identifies all processes of one started command: by process group, session and a mark in the environment. */
export interface ProcessFamily {
  /** Process id of the leader, which is also the id of its group and session; 0 if unknown. */
  readonly pid: number;
  /** Value of the marker variable in the environment of every descendant. */
  readonly marker: string;
  /** Process id of the forking process, set if it does not wait until the leader has its own session. */
  readonly forkedBy?: number;
  /** Directory of the control group that holds every descendant, if control groups are available. */
  readonly group?: string;
  /** Directories of further control groups that limit it and hold every descendant too. */
  readonly limited?: readonly string[];
}

/** How long SIGKILL is repeated while processes keep forking. */
const killTimeoutMs = 3_000;

/**
 * Ends every process of `family` by SIGTERM, and by SIGKILL after `graceMs`. On Linux this includes descendants that
 * left the group or session; elsewhere only the group.
 */
export async function endFamily(family: ProcessFamily, graceMs: number): Promise<void> {
  if (family.pid > 0) send(-family.pid, "SIGTERM");
  for (const pid of familyMembers(family, await nextProcessSnapshot())) send(pid, "SIGTERM");
  const deadline = performance.now() + graceMs;
  // A foreign process emits no exit event, so poll until the deadline.
  while (isSeenAlive(family) || isFamilyAlive(family, await nextProcessSnapshot())) {
    if (performance.now() >= deadline) {
      await killFamily(family);
      return;
    }
    await delay(20);
  }
}

/** Ends every process of `family` with SIGKILL. */
export async function killFamily(family: ProcessFamily): Promise<void> {
  const deadline = performance.now() + killTimeoutMs;
  // A process may fork between the snapshot and the signal, so repeat until none is left.
  do {
    if (family.group !== undefined) killGroup(family.group);
    if (family.pid > 0) send(-family.pid, "SIGKILL");
    // What was killed ends a moment later.
    if (isSeenAlive(family)) await delay(5);
    const members = familyMembers(family, await nextProcessSnapshot());
    const hidden = family.group !== undefined && isPopulated(family.group);
    if (members.length === 0 && !hidden) return;
    for (const pid of members) send(pid, "SIGKILL");
    await delay(10);
  } while (performance.now() < deadline);
}

/**
 * Kills the processes that a family left behind after its leader exited. With a control group no process can be
 * elsewhere, so an empty group costs one check; without one, every process of the machine is inspected.
 */
export async function killDescendants(family: ProcessFamily): Promise<void> {
  if (family.group === undefined) {
    await killFamily(family);
    return;
  }
  const deadline = performance.now() + killTimeoutMs;
  while (isPopulated(family.group) && performance.now() < deadline) {
    killGroup(family.group);
    await delay(5);
  }
}

/** Sends a signal to every process of the family. */
export function signalFamily(family: ProcessFamily, signal: NodeJS.Signals): void {
  // kill(2) treats 0 as the caller's own group.
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

/**
 * Whether its control group or its leader shows that a family is alive, which costs one file each. If not, others of
 * its processes may be: only a snapshot tells.
 */
function isSeenAlive({ group, pid }: ProcessFamily): boolean {
  if (group !== undefined && isPopulated(group)) return true;
  return pid > 0 && readStat(pid)?.group === pid;
}

export function isFamilyAlive(family: ProcessFamily, snapshot = takeProcessSnapshot()): boolean {
  if (family.group !== undefined && isPopulated(family.group)) return true;
  if (process.platform === "linux") return snapshot.some((seen) => belongsTo(family, seen));
  if (family.pid <= 0) return false;
  try {
    process.kill(-family.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ids of the family's living processes. */
export function familyMembers(family: ProcessFamily, snapshot = takeProcessSnapshot()): number[] {
  const inGroup = family.group === undefined ? [] : groupMembers(family.group);
  const seen = snapshot.filter((process) => belongsTo(family, process));
  return [...new Set([...inGroup, ...seen.map(({ pid }) => pid)])];
}

/**
 * Whether a process belongs to the family, by group, session or mark. A process that was just forked has none of these
 * until it runs: its parent identifies it.
 */
function belongsTo(family: ProcessFamily, { pid, parent, group, session, marks }: SnapshotProcess): boolean {
  if (marks.includes(family.marker)) return true;
  if (family.pid <= 0) return false;
  return group === family.pid || session === family.pid || (pid === family.pid && parent === family.forkedBy);
}

/** The marks of all living processes that have one. */
export function livingMarks(): Set<string> {
  return new Set(takeProcessSnapshot().flatMap(({ marks }) => marks));
}
