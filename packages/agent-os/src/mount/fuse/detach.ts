import { execFile } from "node:child_process";
import { rmdir } from "node:fs/promises";
import { promisify } from "node:util";
import { systemCalls } from "./system-calls.ts";

const run = promisify(execFile);
/** MNT_DETACH and UMOUNT_NOFOLLOW. */
const flags = 2 | 8;

/**
 * Unmounts what is mounted at these paths, whether or not it still answers, and removes the empty folders. Nothing is read
 * from them.
 */
export async function detachMounts(paths: readonly string[]): Promise<void> {
  const calls = systemCalls();
  if (paths.length === 0 || calls === undefined) return;
  const script = `my ($call, @paths) = @ARGV; for (@paths) { my $path = "$_\\0"; syscall(0 + $call, $path, ${flags}) }`;
  await run("perl", ["-e", script, "--", String(calls.umount2), ...paths]).catch(() => {});
  // A folder that still is a mount point stays.
  for (const path of paths) await rmdir(path).catch(() => {});
}
