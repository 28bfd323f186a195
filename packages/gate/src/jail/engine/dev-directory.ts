import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const devices = ["null", "zero", "full", "random", "urandom", "tty"] as const;

const links = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  ptmx: "pts/ptmx",
} as const;

/** Writes the /dev of a container below its root: links, and the mount points of {@link devDirectoryMounts}. */
export function writeDevDirectory(root: string): void {
  const directory = join(root, "dev");
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(join(directory, name), { recursive: true });
  // runc gives a tmpfs the mode of the directory that it covers.
  chmodSync(join(directory, "shm"), 0o1777);
  for (const name of devices) writeFileSync(join(directory, name), "");
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(directory, name));
}

/**
 * The mounts of a read-only /dev: devices can be read and written, but their modes cannot be changed. In a user namespace,
 * runtimes mount the device files of the machine after all other mounts, and the user of a jail owns them where the gate
 * runs as root. Mounting all of /dev keeps runc and crun from that, and the engine from its own mounts below.
 */
export function devDirectoryMounts(root: string, shmBytes: number): object[] {
  const quiet = ["nosuid", "noexec"];
  return [
    bind(join(root, "dev"), "/dev", ["bind", "ro", ...quiet]),
    ...devices.map((name) => bind(`/dev/${name}`, `/dev/${name}`, ["bind", "ro", "dev", ...quiet])),
    {
      ...{ destination: "/dev/pts", source: "devpts", type: "devpts" },
      options: ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5", ...quiet],
    },
    {
      ...{ destination: "/dev/shm", source: "tmpfs", type: "tmpfs" },
      options: [`size=${shmBytes}`, "mode=1777", "nodev", ...quiet],
    },
    { destination: "/dev/mqueue", source: "mqueue", type: "mqueue", options: ["nodev", ...quiet] },
  ];
}

function bind(source: string, destination: string, options: readonly string[]): object {
  return { destination, source, type: "bind", options };
}
