import { execFile, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram, unavailable } from "../bubblewrap/bwrap-program.ts";

/** The first release whose jails can be without capabilities (`--cap-drop`). */
const oldestVersion = { major: 0, minor: 12 } as const;

/** Where its installer puts it, and Homebrew; both are often missing from the PATH of a service. */
const usualFolders = "/usr/local/bin:/opt/homebrew/bin";

const answerTimeoutMs = 30_000;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Apple's `container`: the commands of it that drive jails, and how each tells that it could not. */
export class ContainerProgram {
  readonly path: string;
  /** Its whole environment: where its user's settings are, and nothing that `run` would hand on. */
  readonly env: Readonly<Record<string, string>>;

  /** Throws `jail.unavailable` where there is none, or one that is too old. */
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

  /** Throws `jail.unavailable` unless its services run and have `image`: nothing is pulled by itself. */
  async checkReady(image: string): Promise<void> {
    const status = await this.#ask(["system", "status"]);
    if (status.code !== 0) {
      throw unavailable("The services of Apple's container do not run. Run: container system start");
    }
    const found = await this.#ask(["image", "inspect", image]);
    if (found.code !== 0) {
      throw unavailable(
        `Jails start from the image ${image}, which is not here. Run: container image pull ${image}`,
      );
    }
  }

  /** Names of its containers that begin with `prefix`, running or not. Throws `jail.unavailable`. */
  async names(prefix: string): Promise<string[]> {
    const { code, stdout, stderr } = await this.#ask(["list", "--all", "--quiet"]);
    if (code !== 0) throw unavailable(`Apple's container did not list its containers: ${stderr.trim()}`);
    return stdout.split("\n").filter((name) => name.startsWith(prefix));
  }

  /** Sends a signal to the first process of a container; one that has ended is fine. */
  async signal(name: string, signal: "TERM" | "KILL"): Promise<void> {
    await this.#ask(["kill", "--signal", signal, name]);
  }

  /** Ends the machine of a container and forgets it; one that is gone is fine. */
  async remove(name: string): Promise<void> {
    await this.#ask(["delete", "--force", name]);
  }

  /** As {@link remove}, for all with this prefix, until none is left: how many there were. Throws `jail.unavailable`. */
  async removeAll(prefix: string): Promise<number> {
    const found = await this.names(prefix);
    for (let left = found, attempts = 10; left.length > 0; attempts -= 1) {
      // What a dead host's watchdog removes at the same time is gone all the same.
      for (const name of left) await this.remove(name);
      left = await this.names(prefix);
      if (left.length === 0) break;
      if (attempts === 1) throw unavailable(`Apple's container does not end ${left.join(", ")}`);
      await delay(100);
    }
    return found.length;
  }

  #ask(args: readonly string[]): Promise<Answer> {
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
      : "Apple's container program makes jails on macOS alone",
  );
}
