import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { isRecord } from "../http/problem.ts";

const run = promisify(execFile);

/** What is known of a server that was started in the background. */
export interface DaemonRecord {
  readonly version: 1;
  readonly pid: number;
  /** When the process began, as the system counts it: a later process of the same id has another one. */
  readonly began: string;
  readonly url: string;
  /** Version of the package that was started. */
  readonly release: string;
}

export interface DaemonPlace {
  readonly record: string;
  readonly log: string;
}

export function daemonPlace(home: string, host: string, port: number): DaemonPlace {
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
    // A record that is not there or cut off is of no process.
    return undefined;
  }
  if (!isRecord(value) || value["version"] !== 1) return undefined;
  const { pid, began, url, release } = value;
  if (typeof pid !== "number" || typeof began !== "string") return undefined;
  return { version: 1, pid, began, url: String(url), release: String(release) };
}

export async function writeRecord(path: string, record: DaemonRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

export async function removeRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** When a process began; undefined when there is none, or only what is left of one. Source: proc(5), ps(1). */
export async function beganAt(pid: number): Promise<string | undefined> {
  try {
    if (process.platform !== "linux") {
      const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)], { env: { LC_ALL: "C" } });
      return stdout.trim() || undefined;
    }
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    // There is no such process.
    return undefined;
  }
}

/** True while the very process of the record runs. */
export async function isRunning(record: DaemonRecord): Promise<boolean> {
  return (await beganAt(record.pid)) === record.began;
}
