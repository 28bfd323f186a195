import { execFile, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram } from "../host/programs.ts";
import { unavailable } from "../jail-errors.ts";

/** The first release with `--cap-drop`. */
const oldestVersion = { major: 0, minor: 12 } as const;

/** Folders of its installer and of Homebrew, which the PATH of a service often lacks. */
const usualFolders = "/usr/local/bin:/opt/homebrew/bin";

const answerTimeoutMs = 30_000;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the commands of Apple's `container` program that manage jails. */
export class ContainerProgram {
  readonly path: string;
  /** Environment of the program: where its user's settings are, and nothing that `run` would pass on to a jail. */
  readonly env: Readonly<Record<string, string>>;

  /** Throws `jail.unavailable` where the program is missing or too old. */
  constructor(path: string = findContainer()) {
    this.path = path;
    this.env = environment();
    const { stdout, error } = spawnSync(path, ["--version"], {
      ...{ encoding: "utf8", env: this.env, timeout: 10_000 },
    });
    const found = /container CLI version v?(\d+)\.(\d+)/.exec(stdout ?? "");
    if (found === null) throw unavailable(`${path} is not Apple's container program`, error);
    const [major, minor] = [Number(found[1]), Number(found[2])];
    if (major === oldestVersion.major && minor < oldestVersion.minor) {
      throw unavailable(`container ${major}.${minor} at ${path} is too old: jails need 0.12 or later`);
    }
  }

  /** Throws `jail.unavailable` unless the services run and have `image`, which is never pulled automatically. */
  async checkReady(image: string): Promise<void> {
    const status = await this.#run(["system", "status"]);
    if (status.code !== 0) {
      throw unavailable("The services of Apple's container are not running. Run: container system start");
    }
    const found = await this.#run(["image", "inspect", image]);
    if (found.code !== 0) {
      throw unavailable(
        `The image ${image}, from which jails start, was not pulled yet. Run: container image pull ${image}`,
      );
    }
  }

  /** Names of containers, running or not, that begin with `prefix`. Throws `jail.unavailable`. */
  async names(prefix: string): Promise<string[]> {
    const { code, stdout, stderr } = await this.#run(["list", "--all", "--quiet"]);
    if (code !== 0) throw unavailable(`Apple's container did not list its containers: ${stderr.trim()}`);
    return stdout.split("\n").filter((name) => name.startsWith(prefix));
  }

  /** Sends a signal to the first process of a container; does nothing where it has ended. */
  async signal(name: string, signal: "TERM" | "KILL"): Promise<void> {
    await this.#run(["kill", "--signal", signal, name]);
  }

  /** Stops and removes the machine of a container. Does nothing if it no longer exists. */
  async remove(name: string): Promise<void> {
    await this.#run(["delete", "--force", name]);
  }

  /** Removes all containers with this prefix; gives their number. Throws `jail.unavailable`. */
  async removeAll(prefix: string): Promise<number> {
    const found = await this.names(prefix);
    for (let left = found, attempts = 10; left.length > 0; attempts -= 1) {
      // The watchdog of a dead gate may remove the same containers.
      for (const name of left) await this.remove(name);
      left = await this.names(prefix);
      if (left.length === 0) break;
      if (attempts === 1) throw unavailable(`Apple's container does not end ${left.join(", ")}`);
      await delay(100);
    }
    return found.length;
  }

  #run(args: readonly string[]): Promise<Answer> {
    return new Promise((resolve) => {
      const options = { env: this.env, cwd: "/", timeout: answerTimeoutMs, maxBuffer: 16 * 1024 * 1024 };
      execFile(this.path, [...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr: stderr === "" && error !== null ? error.message : stderr });
      });
    });
  }
}

function environment(): Record<string, string> {
  const names = ["HOME", "USER", "LOGNAME", "TMPDIR"];
  const own = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(own), PATH: "/usr/bin:/bin:/usr/sbin:/sbin" };
}

function findContainer(): string {
  const found = findProgram("container", `${process.env["PATH"] ?? ""}:${usualFolders}`);
  if (found !== undefined) return found;
  throw unavailable(
    process.platform === "darwin"
      ? "Apple's container program is not installed: https://github.com/apple/container/releases has its packages"
      : "Apple's container program exists for macOS only. Use the driver bubblewrap on Linux",
  );
}
