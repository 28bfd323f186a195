import type { Machine } from "./machine.ts";

/** One line of `holdfast doctor`. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What to do next: a command, where one does it. */
  readonly fix?: string;
}

/** File systems of other machines, by their magic numbers: statfs(2) and linux/magic.h. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);
const fuse = 0x65735546;

/** Checks of the machine that need no jail: its platform, Node, git, proxies, the port, the data directory. */
export class MachineChecks {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Whether the platform can run a server of Holdfast, so that other checks make sense. */
  get isSupported(): boolean {
    return this.#machine.platform === "linux" || this.#machine.platform === "darwin";
  }

  async all(dataDirectory: string, port: number): Promise<readonly Check[]> {
    const first = [this.platform(), this.node()];
    if (!this.isSupported) return first;
    return [
      ...first,
      this.git(),
      ...this.proxies(),
      await this.port(port),
      await this.dataDirectory(dataDirectory),
    ];
  }

  platform(): Check {
    const { platform } = this.#machine;
    switch (platform) {
      case "linux":
        return this.#linux();
      case "darwin":
        return {
          name: "platform",
          status: "warning",
          detail: "macOS: actors and clients run; agents need the driver apple-container, or a Linux",
          fix: "Install https://github.com/apple/container/releases, or run holdfast start in a virtual machine with Linux",
        };
      case "win32":
        return {
          name: "platform",
          status: "failed",
          detail: "Windows: use the Windows Subsystem for Linux, which is a Linux to Holdfast",
          fix: "wsl --install -d Debian, then run Holdfast in that terminal, with a project below its home directory",
        };
      default:
        return {
          name: "platform",
          status: "failed",
          detail: `${platform} is not supported`,
          fix: "Run Holdfast on Linux, in a container or a virtual machine",
        };
    }
  }

  #linux(): Check {
    const kernel = this.#machine.kernel ?? "";
    if (!/microsoft/i.test(kernel)) return { name: "platform", status: "ok", detail: "Linux" };
    // Version 2 has a kernel of Linux, whose name says so; version 1 translates system calls.
    if (/WSL2|microsoft-standard/.test(kernel)) {
      return { name: "platform", status: "ok", detail: "Linux in WSL 2" };
    }
    return {
      name: "platform",
      status: "failed",
      detail: "WSL 1 has no kernel of Linux: neither jails nor locks of SQLite work as needed",
      fix: "In PowerShell: wsl --set-version DISTRIBUTION 2 (wsl --list names it)",
    };
  }

  node(): Check {
    const { node } = this.#machine;
    const isNewEnough = Number(/^v(\d+)\./.exec(node)?.[1]) >= 24;
    return {
      name: "node",
      status: isNewEnough ? "ok" : "failed",
      detail: isNewEnough ? node : `${node}; Holdfast needs 24 or newer`,
      ...(isNewEnough ? {} : { fix: "npm install node@24" }),
    };
  }

  git(): Check {
    if (this.#machine.hasProgram("git")) return { name: "git", status: "ok", detail: "found" };
    const fix =
      this.#machine.platform === "darwin" ? "xcode-select --install" : "sudo apt-get install --yes git";
    return { name: "git", status: "failed", detail: "not found", fix };
  }

  /** Proxies that the environment names: who uses them, and what they must not be used for. */
  proxies(): readonly Check[] {
    const names = ["HTTPS_PROXY", "HTTP_PROXY"].filter((name) => this.#variable(name) !== undefined);
    if (names.length === 0) return [];
    const isUsed = this.#variable("NODE_USE_ENV_PROXY") === "1";
    const detail = `${names.join(" and ")} set; model calls of agents connect directly, ${
      isUsed ? "and fetch in actors goes through it" : "and so does fetch in actors"
    }`;
    const proxy: Check = isUsed
      ? { name: "proxy", status: "ok", detail }
      : { name: "proxy", status: "warning", detail, fix: "export NODE_USE_ENV_PROXY=1, for fetch in actors" };
    const excluded = (this.#variable("NO_PROXY") ?? "").split(/[\s,]+/);
    const missing = ["localhost", "127.0.0.1"].filter((host) => !excluded.includes(host));
    if (!isUsed || missing.length === 0 || excluded.includes("*")) return [proxy];
    return [
      proxy,
      {
        name: "proxy: this machine",
        status: "failed",
        detail: `NO_PROXY lacks ${missing.join(" and ")}: commands would ask the proxy for the server on this machine`,
        fix: `export NO_PROXY=${[...excluded.filter((host) => host !== ""), ...missing].join(",")}`,
      },
    ];
  }

  /** Names of proxy variables are written in both cases. */
  #variable(name: string): string | undefined {
    const { environment } = this.#machine;
    return environment[name] || environment[name.toLowerCase()] || undefined;
  }

  async port(port: number): Promise<Check> {
    const name = `port ${port}`;
    switch (await this.#machine.portUse(port)) {
      case "free":
        return { name, status: "ok", detail: "free" };
      case "holdfast":
        return { name, status: "ok", detail: "a server of Holdfast runs there" };
      case "other":
        return {
          name,
          status: "warning",
          detail: "in use by another program",
          fix: "Stop it, or choose another port with --port or HOLDFAST_PORT",
        };
    }
  }

  async dataDirectory(path: string): Promise<Check> {
    const name = "data directory";
    const type = await this.#machine.fileSystemOf(path);
    if (type === undefined) return { name, status: "ok", detail: path };
    // Magic numbers above 2^31 come with a sign on some platforms.
    const network = networkFileSystems.get(type >>> 0);
    if (network !== undefined) {
      const isWindows = network === "9P" && /microsoft/i.test(this.#machine.kernel ?? "");
      return {
        name,
        status: "failed",
        detail: isWindows
          ? `${path} is on a drive of Windows, where SQLite's write-ahead log is not safe`
          : `${path} is on ${network}, a network file system, where SQLite's write-ahead log is not safe`,
        fix: isWindows
          ? "Move the project below your home directory in WSL, or name a directory there with --data"
          : "Name a directory on a local disk with --data or HOLDFAST_DATA",
      };
    }
    if (type === fuse) {
      return {
        name,
        status: "warning",
        detail: `${path} is on a FUSE file system, which may be on a network`,
        fix: "If it is (sshfs, a bucket), name a directory on a local disk with --data or HOLDFAST_DATA",
      };
    }
    return { name, status: "ok", detail: path };
  }
}
