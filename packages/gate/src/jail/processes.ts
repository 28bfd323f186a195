import { readdirSync, readFileSync, readlinkSync } from "node:fs";

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
