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

/** Writes the /dev of a container below its root: links, and what {@link devDirectoryMounts} mounts on. */
export function writeDevDirectory(root: string): void {
  const directory = join(root, "dev");
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(join(directory, name), { recursive: true });
  // A runtime gives a memory file system the mode of the directory that it covers (runc).
  chmodSync(join(directory, "shm"), 0o1777);
  for (const name of devices) writeFileSync(join(directory, name), "");
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(directory, name));
}

/**
 * The mounts of a /dev whose devices are read-only: they are read and written as ever, and nobody changes their
 * modes. In a user namespace a runtime mounts the machine's own device files, after all other mounts, and the
 * user of a jail is the one of the gate: where that is root, it owns them. Only a /dev that is mounted as a
 * whole keeps the runtime from that (runc and crun alike), and the engine from all that it mounts below.
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
