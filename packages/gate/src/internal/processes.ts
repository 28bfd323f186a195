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

/** Host pids of the living processes in a pid namespace, given as `pid:[inode]`. */
export function processesIn(namespace: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        return readlinkSync(`/proc/${pid}/ns/pid`) === namespace && startTime(pid) !== undefined;
      } catch {
        return false;
      }
    });
}
