/**
 * Private Docker daemon for tests, offline and isolated from any other on the machine: its own data, containerd and
 * socket, no packet filter rules, and one small image built from this machine's files.
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
import { createImageArchive, findProgram, programFolders } from "./container-image.ts";
import { EngineClient } from "./engine-requests.ts";
import { removeMounted } from "./mounted-directory.ts";
import { terminate, waitForSocket } from "./service-process.ts";

const run = promisify(execFile);

/** Name of the image that {@link startDockerd} builds. */
export const dockerImage = "localhost/holdfast-base:1";

export interface Dockerd {
  /** Docker's Engine API (v1.41) over a Unix socket. */
  readonly socketPath: string;
  /** Image with a few programs, including `/bin/sh`, their libraries and those of Node. */
  readonly image: string;
  /** Network with published ports, through a proxy process of the daemon. There is no default network. */
  readonly network: string;
  readonly requests: EngineClient;
  /** Removes all containers, stops the daemon and deletes its data. */
  close(): Promise<void>;
}

/** Reason to skip a test because no Docker daemon can run here, or undefined. */
export function dockerdMissing(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  const needed = ["dockerd", "containerd", "runc", "tar", "setpriv"];
  const missing = needed.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  return process.getuid?.() === 0 ? undefined : "needs root for dockerd";
}

const prefix = "holdfast-dockerd-";

/** Starts a daemon without data and builds {@link dockerImage}, in about two seconds. */
export async function startDockerd(): Promise<Dockerd> {
  await removeLeftovers();
  const directory = realpathSync(mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`)));
  const socketPath = join(directory, "docker.sock");
  const requests = new EngineClient(socketPath);
  const configuration = join(directory, "daemon.json");
  writeFileSync(configuration, JSON.stringify(createConfiguration(directory, socketPath)));
  const daemon = start(configuration);
  const close = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      for (const id of await requests.containers().catch(() => [])) {
        // It fails for a container that is already being removed, which is fine.
        await requests.call("DELETE", `/containers/${id}?force=true&v=true`).catch(() => {});
      }
      await requests.call("DELETE", `/networks/${network}`).catch(() => {});
    }
    await terminate(daemon);
    await removeMounted(directory);
  };
  try {
    await waitForSocket(daemon, socketPath, "dockerd");
    const archive = await createImageArchive(join(directory, "tree"));
    const [repo, tag] = dockerImage.split(/:(?=\d+$)/);
    await requests.call("POST", `/images/create?fromSrc=-&repo=${repo}&tag=${tag}`, readFileSync(archive));
    rmSync(archive);
    const Options = { "com.docker.network.bridge.name": bridgeName(process.pid) };
    const networkOptions = { Name: network, Driver: "bridge", CheckDuplicate: true, Options };
    await requests.call("POST", "/networks/create", networkOptions);
  } catch (error) {
    await close();
    throw error;
  }
  return { socketPath, image: dockerImage, network, requests, close };
}

const network = "holdfast";

/** Name of the bridge interface of a process; interface names have at most 15 characters. */
function bridgeName(pid: number | string): string {
  return `hfd${pid}`;
}

/** Without a bridge and packet filter rules, so that other daemons on this machine are not affected. */
function createConfiguration(directory: string, socketPath: string): object {
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

/** `setpriv --pdeathsig`: the kernel stops the daemon with this process, so that its containers do not survive. */
function start(configuration: string): ChildProcess {
  const daemon = ["--pdeathsig", "TERM", "dockerd", "--config-file", configuration];
  return spawn("setpriv", daemon, {
    env: { ...process.env, PATH: programFolders().join(delimiter) },
    stdio: "ignore",
  });
}

/** Removes the files of killed test runs. Their daemons were killed with them. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    // Best effort: another cleanup may be removing it.
    await removeMounted(join(tmpdir(), name)).catch(() => {});
    await run("ip", ["link", "delete", bridgeName(pid)]).catch(() => {});
  }
}
