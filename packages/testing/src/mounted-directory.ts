import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Deletes the data of a container engine, after unmounting the file systems that a killed engine left mounted. */
export async function removeMounted(directory: string): Promise<void> {
  const mounted = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ").slice(1, 2))
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounted.reverse()) await run("umount", ["--lazy", path]).catch(() => {});
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
