import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { destroyCgroups } from "./resources/cgroups.ts";

/** Environment variable that marks the processes of bwrap (not those in the jail) for the next gate. */
export const jailMark = "HOLDFAST_JAIL";

/** The same for processes that a gate runs without a jail, and their children. A process that removes it is not found. */
export const unconfinedMark = "HOLDFAST_UNCONFINED";

/** Id of a gate, derived from its directory, which must exist: the next gate of that directory has the same. */
export function gateIdOf(directory: string): string {
  return createHash("sha256").update(realpathSync(directory)).digest("hex").slice(0, 16);
}

/** Data with which the next gate ends a jail whose gate was killed. File version 1. */
interface JailRecord {
  readonly version: 1;
  readonly bootId: string;
  readonly cgroups: readonly string[];
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Records of running jails, a file each in the gate's directory. */
export class JailRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Call before the jail starts, so that no jail is ever without a record. */
  write(id: string, cgroups: readonly string[]): void {
    const record: JailRecord = { version: 1, bootId: bootId(), cgroups };
    writeFileSync(join(this.#directory, `${id}.json`), JSON.stringify(record), { mode: 0o600 });
  }

  remove(id: string): void {
    rmSync(join(this.#directory, `${id}.json`), { force: true });
  }

  /** Removes all records; gives the control groups of those of this boot. */
  take(): { readonly jails: number; readonly cgroups: readonly string[] } {
    const cgroups: string[] = [];
    let jails = 0;
    for (const name of readdirSync(this.#directory)) {
      const record = parseRecord(readFileSync(join(this.#directory, name), "utf8"));
      if (record && record.bootId === bootId()) {
        jails += 1;
        cgroups.push(...record.cgroups.filter((path) => path.startsWith("/") && path.includes("/holdfast-")));
      }
      rmSync(join(this.#directory, name), { force: true });
    }
    return { jails, cgroups };
  }
}

function parseRecord(text: string): JailRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { version, bootId: boot, cgroups } = value as Partial<JailRecord>;
    if (version !== 1 || typeof boot !== "string" || !Array.isArray(cgroups)) return undefined;
    return { version, bootId: boot, cgroups: cgroups.filter((path) => typeof path === "string") };
  } catch {
    // The gate was killed while it wrote the record: the jail had not started.
    return undefined;
  }
}

/**
 * Pids whose environment carries the mark of this gate. The environment is read off this thread: the kernel withholds it
 * while a process starts a program and closes its files, which may be on a file system that this process serves.
 */
async function markedProcesses(gateId: string, mark = jailMark): Promise<number[]> {
  const wanted = `${mark}=${gateId}/`;
  const pids: number[] = [];
  // Systems without /proc do not show the environment of other processes.
  if (!existsSync("/proc/self/environ")) return pids;
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const environment = await readFile(`/proc/${name}/environ`, "latin1");
      if (environment.split("\0").some((entry) => entry.startsWith(wanted))) pids.push(pid);
    } catch {
      // The process ended, or belongs to another user.
    }
  }
  return pids;
}

/** Ends the jails that a killed gate of this data directory left behind; gives their number. */
export async function endOrphans(
  gateId: string,
  records: JailRecords,
  leftovers: readonly string[],
): Promise<number> {
  const recorded = records.take();
  const marked = await markedProcesses(gateId);
  for (const pid of marked) kill(pid);
  const cgroups = [...new Set([...recorded.cgroups, ...leftovers])];
  await destroyCgroups(cgroups);
  // Reading the environment of every process takes 10 ms, and after most ends there is none to wait for.
  if (marked.length > 0 || cgroups.length > 0) await untilGone(gateId, jailMark);
  return Math.max(recorded.jails, leftovers.length > 0 || marked.length > 0 ? 1 : 0);
}

/**
 * Ends processes without a jail that a killed gate of this directory left behind: agents, and plugins too busy to
 * notice the gate's end. Returns their number.
 */
export async function endUnconfined(gateId: string): Promise<number> {
  const left = await markedProcesses(gateId, unconfinedMark);
  for (const pid of left) kill(pid);
  if (left.length > 0) await untilGone(gateId, unconfinedMark);
  return left.length;
}

/** Polls, since orphans are not children of this process and their end emits no event here. */
async function untilGone(gateId: string, mark: string): Promise<void> {
  const deadline = performance.now() + 2_000;
  while ((await markedProcesses(gateId, mark)).length > 0 && performance.now() < deadline) await delay(5);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended.
  }
}
