/**
 * A real Podman for tests, offline and apart from any other on the machine: its own storage, its
 * own configuration, a Docker-compatible socket, and one small image made of this machine's files.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { archiveOfPrograms, findProgram, programFolders } from "./container-image.ts";
import { removeMounted } from "./mounted-directory.ts";
import { ended, listens } from "./service-process.ts";

const run = promisify(execFile);

/** Name of the image that {@link startPodman} makes. */
export const podmanImage = "localhost/holdfast-base:1";

export interface PodmanOptions {
  /** Programs of this machine in the image beside the basic ones, by name; each with its libraries. */
  programs?: readonly string[];
}

export interface Podman {
  /** Docker's Engine API (v1.41), and Podman's own, over a Unix socket. */
  readonly socketPath: string;
  /** An image of a few programs, their libraries and those of Node; `/bin/sh` is one of them. */
  readonly image: string;
  /** What makes the command `podman` use this store: `CONTAINERS_CONF` and `CONTAINERS_STORAGE_CONF`. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs `podman ARGS...` on this store and gives its standard output. Throws when it fails. */
  podman(args: readonly string[]): Promise<string>;
  /** Removes all containers, ends the service and deletes the store. */
  close(): Promise<void>;
}

/**
 * What keeps Podman from running here, or undefined. Use it as a test's reason to be skipped. A test that needs
 * neither limits nor networks says so (`rootless`), and is not skipped for an ordinary user.
 */
export function podmanMissing({ rootless = false } = {}): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  const missing = ["podman", "runc", "catatonit", "tar"].filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  // Without root it can neither limit memory nor publish ports of a network of its own.
  if (process.getuid?.() === 0) return undefined;
  if (!rootless) return "needs root for podman";
  if (findProgram("newuidmap") === undefined) return "needs uidmap";
  return hasSubordinateIds() ? undefined : "needs ids of this user in /etc/subuid and /etc/subgid";
}

function hasSubordinateIds(): boolean {
  const { username, uid } = userInfo();
  return ["/etc/subuid", "/etc/subgid"].every((path) => {
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    return lines.some((line) => [username, String(uid)].includes(line.split(":", 1)[0] ?? ""));
  });
}

/** Starts Podman's service with an empty store and makes {@link podmanImage}. About a second. */
export async function startPodman(options: PodmanOptions = {}): Promise<Podman> {
  await removeLeftovers();
  const directory = realpathSync(mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`)));
  const socketPath = join(directory, "podman.sock");
  const env = writeConfiguration(directory);
  const podman = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await run("podman", [...args], { env: { ...process.env, ...env }, cwd: directory });
    return stdout;
  };
  let service: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    await removeContainers(podman);
    if (service !== undefined) await ended(service);
    // What containers of a user wrote belongs to users that are that user's only inside of its namespace.
    if (process.getuid?.() !== 0) {
      await podman(["unshare", "rm", "-rf", join(directory, "storage")]);
      endNamespace(join(directory, "session/libpod/tmp/pause.pid"));
    }
    await removeMounted(directory);
  };
  try {
    await makeImage(directory, options.programs ?? [], podman);
    service = spawn("podman", ["system", "service", "--time=0", `unix://${socketPath}`], {
      env: { ...process.env, ...env },
      // Its monitors leave a file named "oom" where they run.
      cwd: directory,
      stdio: "ignore",
    });
    await listens(service, socketPath, "podman system service");
  } catch (error) {
    await close();
    throw error;
  }
  return { socketPath, image: podmanImage, env, podman, close };
}

/** Podman leaves a process that keeps the user's namespace for the next command. */
function endNamespace(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
  } catch {
    // There is none, or it has ended.
  }
}

const prefix = "holdfast-podman-";

/** A container that has just ended is taken away by its monitor too: then it is gone, as it should be. */
async function removeContainers(podman: Podman["podman"]): Promise<void> {
  for (let attempts = 5; ; attempts -= 1) {
    try {
      await podman(["rm", "--all", "--force", "--ignore", "--time", "0"]);
      if ((await podman(["ps", "--all", "--quiet"])) === "") return;
      if (attempts === 1) throw new Error("podman rm --all leaves containers");
    } catch (error) {
      if (attempts === 1) throw error;
    }
  }
}

/**
 * What tests left behind that were killed: containers outlive the process that asked for them. Only
 * stores whose process is gone, and each by one sweep at a time: the lock goes with the sweep itself.
 */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const directory = join(tmpdir(), name);
    const env = { ...process.env, ...configurationOf(directory) };
    // Without its configuration Podman would take the person's own store for it.
    const sweep =
      'test -f "$1/containers.conf" && test -f "$1/storage.conf" && podman rm --all --force --ignore --time 0; if [ "$(id -u)" = 0 ]; then umount --lazy "$1/storage/overlay"; else podman unshare rm -rf -- "$1"; fi; rm -rf -- "$1"';
    // What another sweep has taken, or is taking, is nothing to this one; what cannot go is no reason to fail.
    await run("flock", ["--nonblock", directory, "sh", "-c", sweep, "sh", directory], { env }).catch(
      () => {},
    );
  }
}

function configurationOf(directory: string): Record<string, string> {
  return {
    // A user's Podman keeps there what goes with the session; one of root does not look.
    ...(process.getuid?.() === 0 ? {} : { XDG_RUNTIME_DIR: join(directory, "session"), HOME: directory }),
    CONTAINERS_CONF: join(directory, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(directory, "storage.conf"),
    // Its networks need iptables, which many a PATH leaves out.
    PATH: programFolders().join(delimiter),
  };
}

/**
 * Runc, since crun refuses cgroups of which only some are version 2. Limits below those of a root
 * without CAP_SYS_RESOURCE; hard and soft are alike, since the Engine API of Podman 4 takes one for
 * the other. `static_dir` stays where it is: elsewhere, Podman 4 misses the end of containers.
 */
function writeConfiguration(directory: string): Record<string, string> {
  const lines = [
    "[containers]",
    'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
    "[engine]",
    'runtime = "runc"',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    'lock_type = "file"',
    ...(process.getuid?.() === 0 ? [`tmp_dir = ${JSON.stringify(join(directory, "state"))}`] : []),
    "[network]",
    `network_config_dir = ${JSON.stringify(join(directory, "networks"))}`,
  ];
  const storage = [
    "[storage]",
    // A user may not mount overlays everywhere, and only copies.
    `driver = "${process.getuid?.() === 0 ? "overlay" : "vfs"}"`,
    `graphroot = ${JSON.stringify(join(directory, "storage"))}`,
    `rootless_storage_path = ${JSON.stringify(join(directory, "storage"))}`,
    `runroot = ${JSON.stringify(join(directory, "run"))}`,
  ];
  mkdirSync(join(directory, "session"), { mode: 0o700 });
  writeFileSync(join(directory, "containers.conf"), `${lines.join("\n")}\n`);
  writeFileSync(join(directory, "storage.conf"), `${storage.join("\n")}\n`);
  return configurationOf(directory);
}

async function makeImage(
  directory: string,
  programs: readonly string[],
  podman: (args: readonly string[]) => Promise<string>,
): Promise<void> {
  const archive = await archiveOfPrograms(join(directory, "tree"), programs);
  await podman(["import", "--quiet", archive, podmanImage]);
  rmSync(archive);
}
