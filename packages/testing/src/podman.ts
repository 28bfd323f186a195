/**
 * Private Podman for tests, offline and isolated from any other on the machine: its own storage and configuration, a
 * Docker-compatible socket, and one small image built from this machine's files.
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
import { createImageArchive, findProgram, programFolders } from "./container-image.ts";
import { removeMounted } from "./mounted-directory.ts";
import { terminate, waitForSocket } from "./service-process.ts";

const run = promisify(execFile);

/** Name of the image that {@link startPodman} builds. */
export const podmanImage = "localhost/holdfast-base:1";

export interface PodmanOptions {
  /** Additional programs of this machine in the image, by name, with their libraries. */
  programs?: readonly string[];
}

export interface Podman {
  /** Docker's Engine API (v1.41), and Podman's own, over a Unix socket. */
  readonly socketPath: string;
  /** Image with a few programs, including `/bin/sh`, their libraries and those of Node. */
  readonly image: string;
  /** Environment that makes the command `podman` use this store: `CONTAINERS_CONF` and `CONTAINERS_STORAGE_CONF`. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs `podman ARGS...` on this store and returns its standard output. Throws when it fails. */
  podman(args: readonly string[]): Promise<string>;
  /** Removes all containers, stops the service and deletes the store. */
  close(): Promise<void>;
}

/**
 * Reason to skip a test because Podman cannot run here, or undefined. `rootless`: the test needs neither limits nor
 * networks, so that it also runs as an ordinary user.
 */
export function podmanMissing({ rootless = false } = {}): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  const missing = ["podman", "runc", "catatonit", "tar"].filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  // Without root it cannot limit memory or publish ports of its own network.
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

/** Starts Podman's service with an empty store and builds {@link podmanImage}, in about a second. */
export async function startPodman(options: PodmanOptions = {}): Promise<Podman> {
  await removeLeftovers();
  const directory = realpathSync(mkdtempSync(join(stores, `${prefix}${process.pid}-`)));
  const socketPath = join(directory, "podman.sock");
  const env = writeConfiguration(directory);
  const podman = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await run("podman", [...args], { env: { ...process.env, ...env }, cwd: directory });
    return stdout;
  };
  let service: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    await removeContainers(podman);
    if (service !== undefined) await terminate(service);
    // Files written in rootless containers belong to subordinate ids, which can be deleted only inside the user
    // namespace.
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
      // Podman's container monitors write a file named "oom" to their working directory.
      cwd: directory,
      stdio: "ignore",
    });
    await waitForSocket(service, socketPath, "podman system service");
  } catch (error) {
    await close();
    throw error;
  }
  return { socketPath, image: podmanImage, env, podman, close };
}

/** Stops the process that holds the user namespace for later commands. */
function endNamespace(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
  } catch {
    // There is none, or it has ended.
  }
}

const prefix = "holdfast-podman-";

/** Where the stores are: with a path 10 characters longer, podman 4 misses the ends of containers for 20 s. */
const stores = tmpdir().startsWith("/dev/shm/") ? "/dev/shm" : tmpdir();

/** Retried: the monitor of a container that has just exited removes it concurrently. */
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
 * Removes leftovers of killed tests, since containers outlive the process that created them. Only stores whose process
 * is gone, each under a lock that the cleanup itself holds.
 */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(stores)) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const directory = join(stores, name);
    const env = { ...process.env, ...configurationOf(directory) };
    // Requires the store's configuration: without it Podman would operate on the user's own store.
    const sweep =
      'test -f "$1/containers.conf" && test -f "$1/storage.conf" && podman rm --all --force --ignore --time 0; if [ "$(id -u)" = 0 ]; then umount --lazy "$1/storage/overlay"; else podman unshare rm -rf -- "$1"; fi; rm -rf -- "$1"';
    // Best effort: another cleanup may be removing it.
    await run("flock", ["--nonblock", directory, "sh", "-c", sweep, "sh", directory], { env }).catch(
      () => {},
    );
  }
}

function configurationOf(directory: string): Record<string, string> {
  return {
    // Session directory of a rootless Podman; unused with root.
    ...(process.getuid?.() === 0 ? {} : { XDG_RUNTIME_DIR: join(directory, "session"), HOME: directory }),
    CONTAINERS_CONF: join(directory, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(directory, "storage.conf"),
    // Its networks need iptables, which is often missing from PATH.
    PATH: programFolders().join(delimiter),
  };
}

/**
 * runc, since crun refuses mixed versions of cgroups. Limits stay below those of a root without CAP_SYS_RESOURCE; hard
 * and soft are equal, since the Engine API of Podman 4 confuses them. `static_dir` keeps its default: elsewhere,
 * Podman 4 misses the exit of containers.
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
    // Users cannot mount overlays everywhere; vfs only copies.
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
  const archive = await createImageArchive(join(directory, "tree"), programs);
  await podman(["import", "--quiet", archive, podmanImage]);
  rmSync(archive);
}
