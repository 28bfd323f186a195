/**
 * Host: facts about this machine that drivers share: processes, programs, device files, and paths that jails must not see.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Start time of a living process in clock ticks since boot. Together with the pid it identifies a process uniquely.
 * Undefined for a zombie: the kernel ends the first process of a namespace only after all others in it.
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

/** Identifies a process, also after its pid has been reused. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** A living process and its living descendants, except those that end during the call. */
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
 * Host pids of the living processes in a pid namespace, given as `pid:[inode]`. The kernel reuses inodes of removed
 * namespaces. A caller that checks after the end of a jail passes the ticks before it, to exclude processes of later
 * jails.
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

/** All living descendants of a process. */
function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** Children of a process, of all its threads. */
export function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ");
      return children.filter((each) => each.trim() !== "").map(Number);
    } catch {
      // The thread has ended, and its children were reparented.
      return [];
    }
  });
}

/** Names in a directory; none where it is missing. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Why a child without a pid did not start. Call this before using anything else of the child: it may have no pipes, and
 * an `error` event without a listener would end this process.
 */
export async function spawnFault(child: ChildProcess): Promise<unknown> {
  const [fault]: unknown[] = await once(child, "error");
  return fault;
}

/** Sends a signal; does nothing where the process has ended. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended.
  }
}

/** Kills a process that is not a child of this one, such as a jail's first, and waits for its end. */
export async function waitUntilGone(pid: number, started: string | undefined): Promise<void> {
  const deadline = performance.now() + 2_000;
  while (started !== undefined && startTime(pid) === started && performance.now() < deadline) {
    signalProcess(pid, "SIGKILL");
    await delay(2);
  }
}
