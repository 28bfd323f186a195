import { closeSync, openSync, readdirSync, readSync } from "node:fs";

/** Environment variable that identifies processes after they left the group of their starter. */
export const markerName = "HOLDFAST_SANDBOX";

/** A living process in a snapshot of the machine's processes. */
export interface SnapshotProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Values of {@link markerName} in its environment: one, unless the process built that environment itself. */
  readonly marks: readonly string[];
}

export interface ProcessStat {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Start time in clock ticks since boot. With the process id it identifies one process uniquely. */
  readonly startTicks: number;
}

let upcoming: Promise<readonly SnapshotProcess[]> | undefined;

/**
 * A process snapshot that starts after this call. Callers share it until it starts: a snapshot blocks the event loop
 * for milliseconds, and many families end together when a client with many commands disconnects.
 */
export function nextProcessSnapshot(): Promise<readonly SnapshotProcess[]> {
  upcoming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    upcoming = undefined;
    return takeProcessSnapshot();
  });
  return upcoming;
}

/**
 * Takes a snapshot of the living processes of the machine except this one, without zombies. Empty on systems without
 * /proc.
 */
export function takeProcessSnapshot(): readonly SnapshotProcess[] {
  return processIds().flatMap((pid) => {
    const stat = readStat(pid);
    if (stat === undefined) return [];
    const { parent, group, session } = stat;
    return [{ pid, parent, group, session, marks: readMarks(pid) }];
  });
}

/** Reads the mark of a living process; undefined if it has none or cannot be read. */
export function readMark(pid: number): string | undefined {
  return readMarks(pid)[0];
}

/** Reads `/proc/PID/stat`; undefined if the process has exited or is a zombie. */
export function readStat(pid: number): ProcessStat | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command in parentheses may contain anything. The fields after the last parenthesis have fixed positions.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  if (stat === "" || state === "Z" || state === "X") return undefined;
  return {
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks: Number(fields[19]),
  };
}

function processIds(): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
}

function readMarks(pid: number): string[] {
  const prefix = `${markerName}=`;
  const environ = read(`/proc/${pid}/environ`);
  // Most processes have no mark, and splitting a large environment is slow.
  if (!environ.includes(prefix)) return [];
  const variables = environ.split("\0").filter((text) => text.startsWith(prefix));
  return variables.map((text) => text.slice(prefix.length));
}

/** Shared by all reads: `readFileSync` allocates one of 64 KB for each file of /proc, as these report no size. */
let buffer = Buffer.allocUnsafeSlow(16_384);

function read(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    let length = 0;
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0) return buffer.toString("latin1", 0, length);
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
    }
  } catch {
    // The process has just exited, or belongs to another user.
    return "";
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
