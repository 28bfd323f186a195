import { type ChildProcess, spawn } from "node:child_process";
import type { Logger } from "@holdfast/core";
import { markerName } from "./process-group.ts";

/**
 * A small shell process that outlives the server for a moment. It is told the process groups that
 * the server starts and ends; when the server dies, even by SIGKILL, its input ends, and it kills
 * what is left: the groups, and what carries the server's mark in its environment.
 */
const script = `
groups=" "
while read -r op group; do
  case "$op" in
    +) groups="$groups$group " ;;
    -) kept=" "; for g in $groups; do [ "$g" = "$group" ] || kept="$kept$g "; done; groups="$kept" ;;
  esac
done
for g in $groups; do kill -KILL "-$g" 2>/dev/null; done
[ "$groups" = " " ] && exit 0
for file in /proc/[0-9]*/environ; do
  if grep -aqsF "${markerName}=$1" "$file"; then
    pid="\${file#/proc/}"
    kill -KILL "\${pid%/environ}" 2>/dev/null
  fi
done
`;

export class Reaper {
  readonly #child: ChildProcess;

  /** `mark` is the common beginning of the marks of all processes of this server. */
  constructor(mark: string, log: Logger) {
    this.#child = spawn("/bin/sh", ["-c", script, "holdfast-reaper", mark], {
      // A session of its own, so that a signal to the server's group leaves it to its work.
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
    this.#child.stdin?.write(`+ ${pid}\n`);
  }

  remove(pid: number): void {
    this.#child.stdin?.write(`- ${pid}\n`);
  }

  /** Ends the helper; what is still registered is killed. */
  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await exited;
  }
}
