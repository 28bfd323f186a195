import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkExhausted, findProgram, unavailable } from "../bubblewrap/bwrap-program.ts";
import { buildSeccompFilter, filterArch } from "../confinement/seccomp.ts";
import type { Jail, JailDriver, JailLimits, JailSpec } from "../jail.ts";
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
import { ProvingDriver } from "../self-test/self-tested-driver.ts";
import { startRunsc } from "./gvisor-process.ts";

export interface GvisorOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  readonly runscPath?: string;
  /** Where programs are looked for: PATH and the folders of the system by default. */
  readonly searchPath?: string;
}

/** Memory of gVisor's own kernel in each jail, beside what the jail may use. */
const kernelMemoryBytes = 96 * 1024 * 1024;

/**
 * Jails made by gVisor (runsc): a kernel in user space between the jail and the host's. What a jail
 * calls is answered there, so a bug of the host's kernel is out of its reach. It costs a start of 150 ms,
 * slower files and about 40 MB each. Needs root.
 */
export class GvisorDriver extends ProvingDriver implements JailDriver {
  readonly name = "gvisor";
  readonly unsafe = false;
  readonly #options: GvisorOptions;
  readonly #runsc: string;
  readonly #setpriv: string;
  readonly #cgroups: CgroupSupport;
  readonly #records: JailRecords;
  readonly #gateId: string;
  readonly #running = new Set<string>();

  /** Throws `jail.unavailable` when runsc, setpriv or perl is missing, or this user is not root. */
  constructor(options: GvisorOptions) {
    super();
    this.#options = options;
    const path = options.searchPath ?? `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin`;
    this.#runsc = options.runscPath ?? needed("runsc", "runsc", path);
    this.#setpriv = needed("setpriv", "util-linux", path);
    needed("perl", "perl", path);
    if (process.getuid?.() !== 0) {
      throw unavailable(
        "gVisor's runsc makes jails for root only. Run Holdfast as root, or use bubblewrap jails",
      );
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
      "gVisor counts processes in its own kernel; a fork bomb ends the jail, or meets its memory limit";
    return { ...this.#cgroups.absent, pids };
  }

  get throttling() {
    return throttlingOf(this.#cgroups);
  }

  readonly landlock = { absent: "gVisor's own kernel, which answers its jails, has no Landlock" } as const;

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

  protected async launch(unchecked: JailSpec): Promise<Jail> {
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
      cgroup = createCgroup(this.#cgroups, spec.id, widened(spec.limits ?? {}), disksUnderMounts(spec));
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
  // Needs neither hardware nor an architecture's own support, and works in virtual machines.
  "--platform=ptrace",
  "--network=none",
  // The limits are groups of the gate, which runsc starts in.
  "--ignore-cgroups",
  // The host's sockets are dialled by path; nothing else of the host is.
  "--host-uds=open",
];

/** What the group of a jail gets: its own limits, and what gVisor's kernel needs beside them. */
function widened(limits: JailLimits): JailLimits {
  const { memoryBytes, pids, ...rest } = limits;
  return {
    ...rest,
    ...(memoryBytes === undefined ? {} : { memoryBytes: memoryBytes + kernelMemoryBytes }),
    // Each process inside is one of the host's, and the kernel itself has threads.
    ...(pids === undefined ? {} : { pids: 2 * pids + 256 }),
  };
}

function needed(program: string, debianPackage: string, path: string): string {
  const found = findProgram(program, path);
  if (found !== undefined) return found;
  throw unavailable(
    `gVisor jails need ${program}, which is not installed. Run: sudo apt-get install --yes ${debianPackage}`,
  );
}

/** What runsc keeps of a container; one that was killed is not removed by itself. */
function removeState(directory: string, container: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${container}_`)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
