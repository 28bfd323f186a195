import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Environment variable by which processes are found that left the group of what started them. */
export const markerName = "HOLDFAST_SANDBOX";

/** What one started command comprises: a process group and session of its own, and a mark in the environment. */
export interface ProcessFamily {
  /** Process id of the leader, which is the id of its group and session too. */
  readonly pid: number;
  /** Value of {@link markerName} in the environment of every descendant. */
  readonly marker: string;
}

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
  // A process may fork between the look and the signal, so look until nobody is left.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    signalFamily(family, "SIGKILL");
    if (!isFamilyAlive(family)) return;
    await delay(10);
  }
}

function signalFamily(family: ProcessFamily, signal: NodeJS.Signals): void {
  send(-family.pid, signal);
  for (const pid of members(family)) send(pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it is gone already, which is what was wanted.
  }
}

export function isFamilyAlive(family: ProcessFamily): boolean {
  if (process.platform === "linux") return members(family).length > 0;
  try {
    process.kill(-family.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Living processes of the family by group, session or mark; zombies do not count. */
function members(family: ProcessFamily): number[] {
  if (process.platform !== "linux") return [];
  const found: number[] = [];
  const mark = `${markerName}=${family.marker}`;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const stat = read(`/proc/${name}/stat`);
    // The command in parentheses may contain anything; the fields after the last one are fixed.
    const [state, , group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === undefined || state === "Z" || state === "X") continue;
    const related = Number(group) === family.pid || Number(session) === family.pid;
    if (related || read(`/proc/${name}/environ`).split("\0").includes(mark)) found.push(pid);
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
