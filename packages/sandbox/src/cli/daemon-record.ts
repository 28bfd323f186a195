import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { isRecord } from "../http/problem.ts";

const run = promisify(execFile);

/** Record file of a server that was started in the background. */
export interface DaemonRecord {
  readonly version: 1;
  readonly pid: number;
  /** Start time of the process as the system reports it. Tells it from a later process with the same id. */
  readonly began: string;
  readonly url: string;
  /** Package version that the server was started from. */
  readonly release: string;
}

/** Paths of the record and the log of a background server. */
export interface DaemonFiles {
  readonly record: string;
  readonly log: string;
}

/** Returns the paths for a host and port. They identify a background server. */
export function daemonFiles(home: string, host: string, port: number): DaemonFiles {
  const base = join(
    home,
    ".local/share/holdfast/sandbox",
    `daemon-${host.replaceAll(/[^\w.-]/g, "_")}-${port}`,
  );
  return { record: `${base}.json`, log: `${base}.log` };
}

export async function readRecord(path: string): Promise<DaemonRecord | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch {
    // The record is missing or incomplete.
    return undefined;
  }
  if (!isRecord(value) || value["version"] !== 1) return undefined;
  const { pid, began, url, release } = value;
  if (typeof pid !== "number" || typeof began !== "string") return undefined;
  return { version: 1, pid, began, url: String(url), release: String(release) };
}

/** Writes the record atomically. */
export async function writeRecord(path: string, record: DaemonRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

export async function removeRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Returns the start time of a process. Undefined when it does not exist or is a zombie. Source: proc(5), ps(1). */
export async function processStartTime(pid: number): Promise<string | undefined> {
  try {
    if (process.platform !== "linux") {
      const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)], { env: { LC_ALL: "C" } });
      return stdout.trim() || undefined;
    }
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    // The process does not exist.
    return undefined;
  }
}

/** Whether the recorded process still runs, rather than another one with its id. */
export async function isRunning(record: DaemonRecord): Promise<boolean> {
  return (await processStartTime(record.pid)) === record.began;
}
