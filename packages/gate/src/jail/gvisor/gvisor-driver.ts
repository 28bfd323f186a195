/** gVisor: the driver that runs jails on a kernel in user space, by way of runsc. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildSeccompFilter, filterArch } from "../confinement/seccomp.ts";
import { findProgram } from "../host/programs.ts";
import type { Guarantee, Jail, JailDriver, JailLimits, JailSpec, SelfTestReport } from "../jail.ts";
import { checkExhausted, unavailable } from "../jail-errors.ts";
import { checkNewJail, refuseEqualsSign } from "../jail-spec.ts";
import { writeBundle } from "../oci/oci-bundle.ts";
import { endOrphans, gateIdOf, JailRecords, jailMark } from "../orphans.ts";
import {
  type CgroupSupport,
  createCgroup,
  detectCgroups,
  type JailCgroup,
  leftoverCgroups,
  removeCgroupBases,
  throttlingOf,
} from "../resources/cgroups.ts";
import { enforceDiskQuota } from "../resources/disk-quota.ts";
import { disksUnderMounts } from "../resources/disk-throttling.ts";
import { ProvenGuarantees } from "../self-test/proven-guarantees.ts";
import { startRunsc } from "./gvisor-process.ts";

export interface GvisorOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  readonly runscPath?: string;
  /** Folders to search for programs; PATH and the system's folders by default. */
  readonly searchPath?: string;
}

/** Memory for gVisor's kernel in each jail, on top of the jail's own limit. */
const kernelMemoryBytes = 96 * 1024 * 1024;

/**
 * Driver for gVisor (runsc), a kernel in user space between the jail and the host. It answers the system calls of the jail,
 * so bugs of the host's kernel are out of reach. A jail costs 150 ms to start, slower files and about 40 MB. Needs root.
 */
export class GvisorDriver implements JailDriver {
  readonly name = "gvisor";
  readonly unsafe = false;
  readonly #proven = new ProvenGuarantees((spec) => this.#launch(spec));
  readonly #options: GvisorOptions;
  readonly #runsc: string;
  readonly #setpriv: string;
  readonly #cgroups: CgroupSupport;
  readonly #records: JailRecords;
  readonly #gateId: string;
  readonly #running = new Set<string>();

  /** Throws `jail.unavailable` when runsc, setpriv or perl is missing, or this user is not root. */
  constructor(options: GvisorOptions) {
    this.#options = options;
    const path = options.searchPath ?? `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin`;
    this.#runsc = options.runscPath ?? requireProgram("runsc", "runsc", path);
    this.#setpriv = requireProgram("setpriv", "util-linux", path);
    requireProgram("perl", "perl", path);
    if (process.getuid?.() !== 0) {
      throw unavailable("gVisor jails need root. Run Holdfast as root, or use the driver bubblewrap");
    }
    const version = spawnSync(this.#runsc, ["--version"], { encoding: "utf8", env: {}, timeout: 10_000 });
    if (!/runsc version/.test(version.stdout ?? "")) {
      checkExhausted(this.#runsc, version.error);
      throw unavailable(`${this.#runsc} is not a working runsc`, version.error);
    }
    mkdirSync(join(options.directory, "runsc"), { recursive: true, mode: 0o700 });
    this.#records = new JailRecords(join(options.directory, "jails"));
    this.#gateId = gateIdOf(options.directory);
    this.#cgroups = detectCgroups(`holdfast-${this.#gateId}`);
  }

  get absentLimits() {
    const pids =
      "gVisor counts processes in its own kernel: a fork bomb ends the jail or reaches its memory limit";
    return { ...this.#cgroups.absent, pids };
  }

  get throttling() {
    return throttlingOf(this.#cgroups);
  }

  readonly landlock = { absent: "gVisor's kernel has no Landlock" } as const;

  get view() {
    return "gvisor" as const;
  }

  async endOrphans(): Promise<number> {
    const ended = await endOrphans(this.#gateId, this.#records, leftoverCgroups(this.#cgroups));
    rmSync(join(this.#options.directory, "runsc"), { recursive: true, force: true });
    mkdirSync(join(this.#options.directory, "runsc"), { mode: 0o700 });
    return ended;
  }

  async close(): Promise<void> {
    removeCgroupBases(this.#cgroups);
  }

  get guarantees(): readonly Guarantee[] {
    return this.#proven.list;
  }

  selfTest(): Promise<SelfTestReport> {
    return this.#proven.prove(this);
  }

  start(spec: JailSpec): Promise<Jail> {
    return this.#proven.start(spec);
  }

  async #launch(unchecked: JailSpec): Promise<Jail> {
    const spec = checkNewJail(unchecked, this.#running);
    refuseEqualsSign(spec);
    this.#running.add(spec.id);
    const directory = join(this.#options.directory, "runsc", spec.id);
    const container = `${this.#gateId}-${spec.id}`;
    const state = join(this.#options.directory, "runsc", "state");
    const forget = () => {
      removeState(state, container);
      rmSync(directory, { recursive: true, force: true });
      this.#records.remove(spec.id);
      this.#running.delete(spec.id);
    };
    const runsc = [this.#runsc, `--root=${state}`, ...runscFlags];
    let cgroup: JailCgroup | undefined;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeBundle({
        ...{ spec, directory },
        filter: buildSeccompFilter(filterArch(), spec),
        user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      });
      cgroup = createCgroup(
        this.#cgroups,
        spec.id,
        withKernelOverhead(spec.limits ?? {}),
        disksUnderMounts(spec),
      );
      this.#records.write(spec.id, cgroup.paths);
      const jail = await startRunsc({
        ...{ spec, directory, cgroup, runsc: [...runsc, "run"], setpriv: this.#setpriv },
        run: ["--bundle", directory, container],
        terminate: [...runsc, "kill", container, "TERM"],
        mark: { [jailMark]: `${this.#gateId}/${spec.id}` },
        onExit: forget,
      });
      return enforceDiskQuota(jail, spec);
    } catch (error) {
      await cgroup?.destroy();
      forget();
      throw error;
    }
  }
}

const runscFlags = [
  // Works on every machine, also inside virtual machines.
  "--platform=ptrace",
  "--network=none",
  // The gate makes the control groups, in which runsc starts.
  "--ignore-cgroups",
  // Jails may dial the mounted sockets of the host.
  "--host-uds=open",
];

/** The limits of a jail's control group: those of the jail, and what gVisor's kernel needs on top. */
function withKernelOverhead(limits: JailLimits): JailLimits {
  const { memoryBytes, pids, ...rest } = limits;
  return {
    ...rest,
    ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes + kernelMemoryBytes }),
    // Each process in the jail is a process of the host, and the kernel has threads of its own.
    ...(pids === undefined ? {} : { pids: 2 * pids + 256 }),
  };
}

function requireProgram(program: string, debianPackage: string, path: string): string {
  const found = findProgram(program, path);
  if (found !== undefined) return found;
  throw unavailable(
    `gVisor jails need ${program}, which is not installed. Run: sudo apt-get install --yes ${debianPackage}`,
  );
}

/** Removes the state files of a container, which runsc leaves behind when it is killed. */
function removeState(directory: string, container: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${container}_`)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
