import { type ChildProcess, spawn } from "node:child_process";

/**
 * Machines belong to the services of Apple's container, and would outlive a host that is killed. This shell, in a
 * session of its own, holds the other end of a pipe of the host: when that closes, it removes every container that
 * the host made, known by the beginning of its name. What it misses, the next start of the gate removes.
 */
const script = `
trap '' HUP INT TERM PIPE
while read -r _; do :; done
# One that was just being made is seen by the second look.
for look in 1 2; do
  "$1" list --all --quiet | while read -r name; do
    case "$name" in "$2"*) "$1" delete --force "$name" ;; esac
  done
  if [ "$look" = 1 ]; then sleep 0.5; fi
done`;

/** Starts the watchdog of a host; killing it says that there is nothing left to watch. */
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
