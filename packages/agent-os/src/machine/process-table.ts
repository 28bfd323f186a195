import type { ProcessInfo, ProcessTreeNode } from "../types.ts";
import type { Vm } from "./vm.ts";

const [fieldEnd, processEnd] = ["\u0001", "\u0002"];
/** Prints its own pid, then pid, stat and command line of each process. */
const script = [
  "printf '%s\\001' $$",
  "cd /proc || exit 0",
  "for p in [0-9]*; do",
  "printf '%s\\001' $p; cat $p/stat 2>/dev/null; printf '\\001'; cat $p/cmdline 2>/dev/null; printf '\\002'",
  "done",
].join("\n");

/** All processes of a machine, as its own `/proc` shows them. Empty where there is no `/proc`. */
export async function allProcesses(vm: Vm): Promise<ProcessInfo[]> {
  const { stdout } = await vm.use((client) =>
    client.runProcess({ command: "/bin/sh", args: ["-c", script] }),
  );
  const end = stdout.indexOf(fieldEnd);
  const own = Number(stdout.slice(0, end));
  return stdout
    .slice(end + 1)
    .split(processEnd)
    .flatMap((text) => parse(text) ?? [])
    .filter(({ pid, ppid }) => pid !== own && ppid !== own)
    .sort((a, b) => a.pid - b.pid);
}

/** The same as trees, by parent. */
export async function processTree(vm: Vm): Promise<ProcessTreeNode[]> {
  const all = await allProcesses(vm);
  const pids = new Set(all.map(({ pid }) => pid));
  const nodeOf = (info: ProcessInfo): ProcessTreeNode => ({
    ...info,
    children: all.filter(({ ppid }) => ppid === info.pid).map(nodeOf),
  });
  return all.filter(({ ppid }) => !pids.has(ppid)).map(nodeOf);
}

/** Undefined for a process that has ended meanwhile. */
function parse(text: string): ProcessInfo | undefined {
  const [pid = "", stat = "", cmdline = ""] = text.split(fieldEnd);
  // The name in parentheses may contain anything, parentheses included.
  const [state, ppid, pgid, sid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (sid === undefined) return undefined;
  const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
  const [command = "", ...args] = cmdline.split("\0").slice(0, -1);
  return {
    ...{ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), sid: Number(sid) },
    ...{ command: command === "" ? name : command, args },
    status: state === "T" ? "stopped" : state === "Z" || state === "X" ? "exited" : "running",
  };
}
