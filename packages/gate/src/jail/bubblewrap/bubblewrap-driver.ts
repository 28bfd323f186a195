/**
 * Bubblewrap: the default driver on Linux, with its arguments, its process, and the installation of the program.
 */
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { detectLandlock, type LandlockSupport, launcherEnvironment } from "../confinement/landlock.ts";
import { buildSeccompFilter, filterArch } from "../confinement/seccomp.ts";
import { createDeviceFiles } from "../host/device-files.ts";
import { findProgram } from "../host/programs.ts";
import type { Guarantee, Jail, JailDriver, JailSpec, SelfTestReport } from "../jail.ts";
import { unavailable } from "../jail-errors.ts";
import { checkNewJail } from "../jail-spec.ts";
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
import { ProofFile } from "../self-test/proof-file.ts";
import { ProvenGuarantees } from "../self-test/proven-guarantees.ts";
import {
  type BwrapPlan,
  bwrapArguments,
  bwrapCommand,
  type Protection,
  writeEtc,
} from "./bwrap-arguments.ts";
import { startBwrap } from "./bwrap-process.ts";
import { bwrapVersion, installHint } from "./bwrap-program.ts";

export interface BubblewrapOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  readonly bwrapPath?: string;
  /** Path of a file in which the proof of the self-test is kept for later starts. */
  readonly proofFile?: string;
  /** Protections to leave out, for tests that check that the self-test and the attacks notice. */
  readonly omit?: ReadonlySet<Protection>;
}

/** Driver for bubblewrap, the default on Linux: namespaces, no capabilities, seccomp, Landlock, control groups. */
export class BubblewrapDriver implements JailDriver {
  readonly name = "bubblewrap";
  readonly unsafe = false;
  readonly #proven = new ProvenGuarantees((spec) => this.#launch(spec));
  readonly #options: BubblewrapOptions;
  readonly #bwrap: string;
  readonly #cgroups: CgroupSupport;
  readonly #records: JailRecords;
  readonly #gateId: string;
  readonly #devices: Pick<BwrapPlan, "devicesDir"> = {};
  /** The kernel's Landlock, or why it is absent. */
  readonly landlock: LandlockSupport;
  readonly devicesReadOnly = true;
  /** Ids of jails from the beginning of their start until they are removed. */
  readonly #running = new Set<string>();

  /** Throws `jail.unavailable` when bubblewrap is missing or too old, or the machine has no filter. */
  constructor(options: BubblewrapOptions) {
    this.#options = options;
    const bwrap = options.bwrapPath ?? findProgram("bwrap");
    if (bwrap === undefined) {
      throw unavailable(`Agents run in bubblewrap jails, and bubblewrap is not installed. ${installHint()}`);
    }
    bwrapVersion(bwrap);
    this.#bwrap = bwrap;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    writeEtc(this.#etcDir);
    const devicesDir = join(options.directory, "dev");
    if (createDeviceFiles(devicesDir)) this.#devices = { devicesDir };
    for (const unixSockets of [true, false]) {
      const filter = buildSeccompFilter(filterArch(), { unixSockets });
      writeFileSync(this.#filterFile(unixSockets), filter, { mode: 0o600 });
    }
    this.#records = new JailRecords(join(options.directory, "jails"));
    this.#gateId = gateIdOf(options.directory);
    this.#cgroups = detectCgroups(`holdfast-${this.#gateId}`);
    this.landlock = options.omit?.has("landlock") === true ? { absent: "left out" } : detectLandlock();
  }

  get #etcDir(): string {
    return join(this.#options.directory, "etc");
  }

  #filterFile(unixSockets = true): string {
    return join(this.#options.directory, unixSockets ? "seccomp.bpf" : "seccomp-no-sockets.bpf");
  }

  /** Limits that this machine cannot set, with the reason. */
  get absentLimits(): CgroupSupport["absent"] {
    return this.#cgroups.absent;
  }

  get throttling() {
    return throttlingOf(this.#cgroups);
  }

  endOrphans(): Promise<number> {
    return endOrphans(this.#gateId, this.#records, leftoverCgroups(this.#cgroups));
  }

  /** Removes the gate's control groups. */
  async close(): Promise<void> {
    removeCgroupBases(this.#cgroups);
  }

  get guarantees(): readonly Guarantee[] {
    return this.#proven.list;
  }

  selfTest(): Promise<SelfTestReport> {
    const { proofFile, omit } = this.#options;
    if (proofFile === undefined || omit !== undefined) return this.#proven.prove(this);
    const groups = this.#cgroups.hierarchies.map(({ version, resources }) => ({ version, resources }));
    const support = { groups, landlock: this.landlock };
    const driver = { name: this.name, program: this.#bwrap, support };
    return this.#proven.prove(this, { file: new ProofFile(proofFile), driver });
  }

  start(spec: JailSpec): Promise<Jail> {
    return this.#proven.start(spec);
  }

  async #launch(unchecked: JailSpec): Promise<Jail> {
    const spec = checkNewJail(unchecked, this.#running);
    const plan: BwrapPlan = {
      spec,
      etcDir: this.#etcDir,
      ...this.#devices,
      ...("abi" in this.landlock ? { landlock: this.landlock } : {}),
      ...(this.#options.omit ? { omit: this.#options.omit } : {}),
    };
    this.#running.add(spec.id);
    const forget = () => {
      this.#running.delete(spec.id);
      this.#records.remove(spec.id);
    };
    let cgroup: JailCgroup | undefined;
    try {
      cgroup = createCgroup(this.#cgroups, spec.id, spec.limits ?? {}, disksUnderMounts(spec));
      this.#records.write(spec.id, cgroup.paths);
      const jail = await this.#startIn(cgroup, plan, forget);
      return enforceDiskQuota(jail, spec);
    } catch (error) {
      await cgroup?.destroy();
      forget();
      throw error;
    }
  }

  async #startIn(cgroup: JailCgroup, plan: BwrapPlan, onExit: () => void): Promise<Jail> {
    const { spec } = plan;
    const filter = openSync(this.#filterFile(spec.unixSockets), "r");
    try {
      return await startBwrap({
        bwrap: this.#bwrap,
        args: bwrapArguments(plan),
        command: bwrapCommand(plan),
        ...(plan.landlock === undefined ? {} : { environment: launcherEnvironment(spec.env) }),
        spec,
        filter,
        cgroup,
        mark: { [jailMark]: `${this.#gateId}/${spec.id}` },
        onExit,
      });
    } finally {
      closeSync(filter);
    }
  }
}
