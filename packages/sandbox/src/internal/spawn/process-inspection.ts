import { readdirSync, readFileSync } from "node:fs";

/** Environment variable by which processes are found that left the group of what started them. */
export const markerName = "HOLDFAST_SANDBOX";

/** A living process, as a look at those of the machine found it. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** What {@link markerName} says in its environment: once, unless it made that environment up. */
  readonly marks: readonly string[];
}

export interface ProcessStat {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** In clock ticks since the start of the machine: with the id it names one process for ever. */
  readonly startTicks: number;
}

let upcoming: Promise<readonly SeenProcess[]> | undefined;

/**
 * A look that begins after this call. Whoever asks before it begins shares it: a look stops the event
 * loop for milliseconds, and families end by the dozen when a client goes that ran many commands.
 */
export function nextLook(): Promise<readonly SeenProcess[]> {
  upcoming ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    upcoming = undefined;
    return lookNow();
  });
  return upcoming;
}

/** The living processes of the machine but this one, without zombies. Empty where there is no /proc. */
export function lookNow(): readonly SeenProcess[] {
  return processIds().flatMap((pid) => {
    const stat = statOf(pid);
    if (stat === undefined) return [];
    const { parent, group, session } = stat;
    return [{ pid, parent, group, session, marks: marksOf(pid) }];
  });
}

/** The mark of a living process; undefined where it has none, or cannot be read. */
export function markOf(pid: number): string | undefined {
  return marksOf(pid)[0];
}

/** Facts about a living process; undefined for one that is gone or a zombie. */
export function statOf(pid: number): ProcessStat | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command in parentheses may contain anything; the fields after the last one are fixed.
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

function marksOf(pid: number): string[] {
  const prefix = `${markerName}=`;
  const environ = read(`/proc/${pid}/environ`);
  // Most processes have none, and a large environment.
  if (!environ.includes(prefix)) return [];
  const variables = environ.split("\0").filter((text) => text.startsWith(prefix));
  return variables.map((text) => text.slice(prefix.length));
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // Whoever has just ended, or belongs to another user, tells nothing.
    return "";
  }
}
