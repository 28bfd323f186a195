import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * When a living process started, in clock ticks since boot: with the pid it names one process for ever.
 * One that is dead but not yet collected by its parent counts as gone: the kernel lets the first
 * process of a namespace die only after all others in it.
 */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** A process that lived when it was looked at. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** A living process and its living descendants; what ends while they are being listed is none of them. */
export function withDescendants(pid: number): ProcessIdentity[] {
  return [pid, ...descendantsOf(pid)].flatMap((each) => {
    const started = startTime(each);
    return started === undefined ? [] : [{ pid: each, started }];
  });
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return startTime(pid) === started;
}

/** Clock ticks since boot, as in {@link startTime}. */
export function ticksNow(): number {
  const ticksPerSecond = 100;
  return Math.floor(Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * ticksPerSecond);
}

/**
 * Host pids of the living processes in a pid namespace, given as `pid:[inode]`. The kernel gives the
 * number of a namespace that is gone to the next one, so whoever looks after an end passes the ticks
 * before it: what started later is of another jail.
 */
export function processesIn(namespace: string, startedBefore = Number.POSITIVE_INFINITY): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return false;
        const started = startTime(pid);
        return started !== undefined && Number(started) < startedBefore;
      } catch {
        return false;
      }
    });
}

/** Living children of all threads of a process, theirs, and so on. */
function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** Children of all threads of a process: each thread of a program may have its own. */
export function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ");
      return children.filter((each) => each.trim() !== "").map(Number);
    } catch {
      // The thread ended meanwhile; its children are another's now.
      return [];
    }
  });
}

/** Empty for a directory that is not there. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Why a child that has no pid does not run. To be asked before anything else of it is used: where this
 * process has no descriptors left, it has no pipes, and an error that nobody hears of would end this process.
 */
export async function spawnFault(child: ChildProcess): Promise<unknown> {
  const [fault]: unknown[] = await once(child, "error");
  return fault;
}

/** Sends a signal; a process that ended meanwhile is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

/** Ends and awaits a process that is no child of this one: a jail's first, known by when it started. */
export async function waitUntilGone(pid: number, started: string | undefined): Promise<void> {
  const deadline = performance.now() + 2_000;
  while (started !== undefined && startTime(pid) === started && performance.now() < deadline) {
    signalProcess(pid, "SIGKILL");
    await delay(2);
  }
}
