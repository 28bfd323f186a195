import { execFileSync } from "node:child_process";
import { chownSync, closeSync, lstatSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";

/** The device files of a jail with their numbers (Linux, Documentation/admin-guide/devices.txt). */
const devices = {
  null: [1, 3],
  zero: [1, 5],
  full: [1, 7],
  random: [1, 8],
  urandom: [1, 9],
  tty: [5, 0],
} as const;

export const deviceFileNames: readonly string[] = Object.keys(devices);

/** Owner of the device files, since an owner may change the mode. */
const nobody = 65_534;

/**
 * Makes device files for jails of a gate that runs as root: the user of a jail is then root outside, owns the machine's
 * device files, and could take `/dev/null` from everybody by changing its mode. Gives true when the files are in
 * `directory`; false for other users, and where none can be made (no CAP_MKNOD, a file system without devices).
 */
export function createDeviceFiles(directory: string): boolean {
  return process.getuid?.() === 0 && makeFiles(directory);
}

function makeFiles(directory: string): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  try {
    const missing = Object.entries(devices).filter(([name]) => !isOurs(join(directory, name)));
    for (const [name] of missing) rmSync(join(directory, name), { force: true });
    // A shell starts programs with far less work than this process.
    const commands = missing.map(([name, [major, minor]]) => `mknod -m 666 ${name} c ${major} ${minor}`);
    if (commands.length > 0) {
      execFileSync("/bin/sh", ["-c", commands.join(" && ")], { cwd: directory, stdio: "ignore" });
    }
    for (const [name] of missing) chownSync(join(directory, name), nobody, nobody);
    // On a file system that is mounted with nodev, device files can be made but not opened.
    closeSync(openSync(join(directory, "null"), "w"));
    return true;
  } catch {
    return false;
  }
}

function isOurs(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isCharacterDevice() === true && stat.uid === nobody && (stat.mode & 0o777) === 0o666;
}
