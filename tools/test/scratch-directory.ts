/** Where tests write: in memory where there is room, as a disk costs them a tenth to a fifth of their CPU and most of their waiting. */
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

const memoryFolder = "/dev/shm";
/** Followed by the process that it belongs to. Short, as the paths of sockets are. */
const prefix = "holdfast-";

/** A whole run writes less, and leaves as much again to the programs. */
const leastBytes = 6 * 2 ** 30;

/** Files about disks: what a jail writes to memory counts as its memory, and rules for devices cover what is in /dev. */
const onDisk = [
  /^tests\/security\/attacks/,
  /^packages\/gate\/src\/jail\/confinement\//,
  /^packages\/gate\/tests\/jails\./,
  /^packages\/sandbox\/tests\/fs-move-across\./,
];

/** The directory for temporary files that the run was started with. */
export const diskDirectory = tmpdir();

/** Whether a test file has to write to a disk. */
export function needsDisk(path: string): boolean {
  return onDisk.some((pattern) => pattern.test(path));
}

/** The type of a tmpfs in `statfs`. */
const tmpfs = 0x01021994;

/** An empty directory in memory, or undefined if there is not enough of it, or programs cannot run from it. */
export function createScratchDirectory(): string | undefined {
  if (!isSuitable()) return undefined;
  removeAbandoned();
  const directory = join(memoryFolder, `${prefix}${process.pid}`);
  mkdirSync(directory);
  // As the system's own: databases and jails run as other users.
  chmodSync(directory, 0o1777);
  return directory;
}

function isSuitable(): boolean {
  try {
    accessSync(memoryFolder, constants.W_OK | constants.X_OK);
    const { type, bsize, bavail } = statfsSync(memoryFolder);
    const mount = readFileSync("/proc/self/mounts", "utf8").split("\n");
    const options = mount.map((line) => line.split(" ")).find(([, path]) => path === memoryFolder)?.[3];
    const executable = options !== undefined && !options.split(",").includes("noexec");
    return (
      type === tmpfs &&
      executable &&
      Math.min(bsize * bavail, freemem(), process.availableMemory()) >= leastBytes
    );
  } catch {
    return false;
  }
}

/** What killed runs left would take memory until the next start of the machine. */
function removeAbandoned(): void {
  for (const name of readdirSync(memoryFolder)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (!Number.isInteger(pid) || (pid !== process.pid && isAlive(pid))) continue;
    const path = join(memoryFolder, name);
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      // A file system that a killed test has left mounted stays until somebody unmounts it.
      console.error(`What a killed run left stays: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
