import { type ChildProcess, spawn } from "node:child_process";

/**
 * Watchdog of a gate's machines, which belong to the services of Apple's container and would outlive a gate that is
 * killed. This shell holds the other end of a pipe of the gate; when the pipe closes, it removes every container whose
 * name begins with the gate's prefix. What it misses, the next start of the gate removes.
 */
const script = `
trap '' HUP INT TERM PIPE
while read -r _; do :; done
# The second pass finds a machine that was just being made.
for pass in 1 2; do
  "$1" list --all --quiet | while read -r name; do
    case "$name" in "$2"*) "$1" delete --force "$name" ;; esac
  done
  if [ "$pass" = 1 ]; then sleep 0.5; fi
done`;

/** Starts the watchdog of a gate. Kill it when the gate has ended its machines itself. */
export function watchMachines(
  { path, env }: { readonly path: string; readonly env: Readonly<Record<string, string>> },
  prefix: string,
): ChildProcess {
  const child = spawn("/bin/sh", ["-c", script, "sh", path, prefix], {
    stdio: ["pipe", "ignore", "ignore"],
    env,
    cwd: "/",
    detached: true,
  });
  child.stdin?.on("error", () => {});
  child.on("error", () => {});
  child.unref();
  return child;
}
