import { type ChildProcess, spawn } from "node:child_process";
import type { Logger } from "@holdfast/core";
import { markerName } from "./process-group.ts";

/**
 * A small shell process that outlives the server briefly. The server reports to it the process groups that start and
 * end. When the server dies, even by SIGKILL, the shell's input ends, and it kills the remaining groups, control
 * groups and processes with the server's mark in their environment.
 */
const script = `
groups=" "
while read -r op group; do
  case "$op" in
    +) groups="$groups$group " ;;
    -) kept=" "; for g in $groups; do [ "$g" = "$group" ] || kept="$kept$g "; done; groups="$kept" ;;
    quit) exit 0 ;;
  esac
done
for g in $groups; do kill -KILL "-$g" 2>/dev/null; done
pass=0
while [ "$pass" -lt 100 ]; do
  pass=$((pass + 1))
  if [ -n "$2" ]; then
    for file in "$2"/*/cgroup.kill; do [ -e "$file" ] && echo 1 >"$file"; done
  fi
  found=$(grep -lsF "${markerName}=$1" /proc/[0-9]*/environ)
  [ -z "$found" ] && break
  for file in $found; do
    pid="\${file#/proc/}"
    kill -KILL "\${pid%/environ}" 2>/dev/null
  done
done
pass=0
shift
for directory; do
  while [ -n "$directory" ] && [ -d "$directory" ] && [ "$pass" -lt 50 ]; do
    pass=$((pass + 1))
    # What was killed leaves its group a moment later.
    rmdir "$directory"/*/ "$directory" || sleep 0.05
  done
done
`;

/** How long lines that can wait are batched. Each write wakes the shell, which takes a core from the commands. */
const batchDelayMs = 20;

export class Reaper {
  readonly #child: ChildProcess;
  readonly #added = new Set<number>();
  readonly #removed = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * `mark` is the common prefix of the marks of this server's processes, `groups` the directory of its control groups,
   * and `limits` the directories of its version 1 groups.
   */
  constructor(mark: string, groups: string | undefined, limits: readonly string[], log: Logger) {
    this.#child = spawn("/bin/sh", ["-c", script, "holdfast-reaper", mark, groups ?? "", ...limits], {
      // A session of its own, so that a signal to the server's group does not reach it.
      detached: true,
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#child.on("error", (error) =>
      log.warn("no reaper: processes may outlive a killed server", { cause: String(error) }),
    );
    this.#child.stdin?.on("error", () => {});
    this.#child.unref();
  }

  add(pid: number): void {
    if (!this.#removed.delete(pid)) this.#child.stdin?.write(`+ ${pid}\n`);
  }

  /**
   * Like `add`, but batched: for groups that another process also kills when the server dies. Most of them end before
   * the batch is sent and are never reported.
   */
  addLater(pid: number): void {
    this.#added.add(pid);
    this.#scheduleReport();
  }

  /** Its group has ended. The report is batched: the system does not reuse an id within so short a time. */
  remove(pid: number): void {
    if (this.#added.delete(pid)) return;
    this.#removed.add(pid);
    this.#scheduleReport();
  }

  #scheduleReport(): void {
    this.#timer ??= setTimeout(() => this.#report(), batchDelayMs).unref();
  }

  #report(): void {
    this.#timer = undefined;
    const lines = [
      ...[...this.#removed].map((pid) => `- ${pid}\n`),
      ...[...this.#added].map((pid) => `+ ${pid}\n`),
    ];
    if (lines.length > 0) this.#child.stdin?.write(lines.join(""));
    this.#removed.clear();
    this.#added.clear();
  }

  /** Ends the reaper without killing anything. Call it when nothing is left to kill. */
  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    // Until now the reaper must not keep the server's process alive. From here on its exit is awaited.
    this.#child.ref();
    this.#child.stdin?.end("quit\n");
    await exited;
  }
}
