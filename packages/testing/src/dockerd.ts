/**
 * A real Docker daemon for tests, offline and apart from any other on the machine: its own data, its own
 * containerd, its own socket, no rules of the packet filter, and one small image made of this machine's files.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { archiveOfPrograms, findProgram, programFolders } from "./container-image.ts";
import { EngineRequests } from "./engine-requests.ts";
import { removeMounted } from "./mounted-directory.ts";
import { ended, listens } from "./service-process.ts";

const run = promisify(execFile);

/** Name of the image that {@link startDockerd} makes. */
export const dockerImage = "localhost/holdfast-base:1";

export interface Dockerd {
  /** Docker's Engine API (v1.41) over a Unix socket. */
  readonly socketPath: string;
  /** An image of a few programs, their libraries and those of Node; `/bin/sh` is one of them. */
  readonly image: string;
  /** A network whose published ports are reached through a process of the daemon; there is no default one. */
  readonly network: string;
  readonly requests: EngineRequests;
  /** Removes all containers, ends the daemon and deletes its data. */
  close(): Promise<void>;
}

/** What keeps a Docker daemon from running here, or undefined. Use it as a test's reason to be skipped. */
export function dockerdMissing(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  const needed = ["dockerd", "containerd", "runc", "tar", "setpriv"];
  const missing = needed.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  return process.getuid?.() === 0 ? undefined : "needs root for dockerd";
}

const prefix = "holdfast-dockerd-";

/** Starts a daemon with no data and makes {@link dockerImage}. About two seconds. */
export async function startDockerd(): Promise<Dockerd> {
  await removeLeftovers();
  const directory = realpathSync(mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`)));
  const socketPath = join(directory, "docker.sock");
  const requests = new EngineRequests(socketPath);
  const configuration = join(directory, "daemon.json");
  writeFileSync(configuration, JSON.stringify(configurationOf(directory, socketPath)));
  const daemon = start(configuration);
  const close = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      for (const id of await requests.containers().catch(() => [])) {
        // One that is being removed already is gone all the same.
        await requests.call("DELETE", `/containers/${id}?force=true&v=true`).catch(() => {});
      }
      await requests.call("DELETE", `/networks/${network}`).catch(() => {});
    }
    await ended(daemon);
    await removeMounted(directory);
  };
  try {
    await listens(daemon, socketPath, "dockerd");
    const archive = await archiveOfPrograms(join(directory, "tree"));
    const [repo, tag] = dockerImage.split(/:(?=\d+$)/);
    await requests.call("POST", `/images/create?fromSrc=-&repo=${repo}&tag=${tag}`, readFileSync(archive));
    rmSync(archive);
    const Options = { "com.docker.network.bridge.name": bridgeOf(process.pid) };
    const made = { Name: network, Driver: "bridge", CheckDuplicate: true, Options };
    await requests.call("POST", "/networks/create", made);
  } catch (error) {
    await close();
    throw error;
  }
  return { socketPath, image: dockerImage, network, requests, close };
}

const network = "holdfast";

/** The system's name for the network of a process; it has room for 15 characters. */
function bridgeOf(pid: number | string): string {
  return `hfd${pid}`;
}

/** Without its own bridge and the packet filter, it changes nothing for another daemon of this machine. */
function configurationOf(directory: string, socketPath: string): object {
  return {
    "data-root": join(directory, "data"),
    "exec-root": join(directory, "exec"),
    pidfile: join(directory, "docker.pid"),
    hosts: [`unix://${socketPath}`],
    bridge: "none",
    iptables: false,
    ip6tables: false,
    "ip-forward": false,
    "shutdown-timeout": 1,
    "log-level": "error",
  };
}

/** The kernel ends it when this process is gone: it would go on with all of its containers. */
function start(configuration: string): ChildProcess {
  const daemon = ["--pdeathsig", "TERM", "dockerd", "--config-file", configuration];
  return spawn("setpriv", daemon, {
    env: { ...process.env, PATH: programFolders().join(delimiter) },
    stdio: "ignore",
  });
}

/** What runs of tests left that were killed: their daemons have ended with them, and left their files. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    // What another sweep has taken, or is taking, is nothing to this one; what cannot go is no reason to fail.
    await removeMounted(join(tmpdir(), name)).catch(() => {});
    await run("ip", ["link", "delete", bridgeOf(pid)]).catch(() => {});
  }
}
