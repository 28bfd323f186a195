import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JailUsage } from "../jail.ts";

/** Counters of the control groups of a container. Reading them needs no privileges. */
export interface ContainerCounters {
  /** Current values, or the last known ones after the groups were removed. */
  read(): JailUsage;
  /** Records that the engine reported a kill by the memory limit. */
  recordMemoryKill(): void;
}

type Usage = { -readonly [Key in keyof JailUsage]: JailUsage[Key] };

/** Control group directories of a process by controller; "" is version 2. */
function groupsOf(pid: number): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  try {
    const own = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    for (const line of own.split("\n")) {
      const match = /^\d+:([^:]*):(.*)$/.exec(line);
      if (match?.[1] === undefined || match[2] === undefined) continue;
      for (const name of match[1].split(",")) {
        const path = join("/sys/fs/cgroup", name, match[2]);
        if (existsSync(path)) groups.set(name, path);
      }
    }
  } catch {
    // The process has ended, or this host cannot see it.
  }
  return groups;
}

/** Counters of the container whose first process is `pid`. */
export function containerCounters(pid: number): ContainerCounters {
  const groups = groupsOf(pid);
  const usage: Usage = {};
  const set = (key: keyof JailUsage, group: string, file: string, field?: string) => {
    const value = number(groups.get(group), file, field);
    if (value !== undefined) usage[key] = value;
  };
  return {
    read() {
      set("memoryBytes", "memory", "memory.usage_in_bytes");
      set("memoryPeakBytes", "memory", "memory.max_usage_in_bytes");
      set("memoryKills", "memory", "memory.oom_control", "oom_kill");
      set("pids", "pids", "pids.current");
      set("pidsRefused", "pids", "pids.events", "max");
      set("cpuThrottledPeriods", "cpu", "cpu.stat", "nr_throttled");
      set("cpuThrottledPeriods", "", "cpu.stat", "nr_throttled");
      set("memoryBytes", "", "memory.current");
      set("memoryPeakBytes", "", "memory.peak");
      set("memoryKills", "", "memory.events", "oom_kill");
      set("pids", "", "pids.current");
      set("pidsRefused", "", "pids.events", "max");
      return { ...usage };
    },
    recordMemoryKill() {
      if ((usage.memoryKills ?? 0) === 0) usage.memoryKills = 1;
    },
  };
}

function number(group: string | undefined, file: string, field?: string): number | undefined {
  if (group === undefined) return undefined;
  try {
    const text = readFileSync(join(group, file), "utf8");
    if (field === undefined) return Number(text.trim());
    const line = text.split("\n").find((each) => each.startsWith(`${field} `));
    return line === undefined ? undefined : Number(line.slice(field.length + 1));
  } catch {
    // The group was removed, or this kernel lacks the file.
    return undefined;
  }
}
