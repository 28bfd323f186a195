/** Engine: the driver for podman and docker, with the client of their API and the containers that it describes. */
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { detectLandlock } from "../confinement/landlock.ts";
import { type FilterOptions, filterArch } from "../confinement/seccomp.ts";
import { findProgram } from "../host/programs.ts";
import type { Guarantee, Jail, JailDriver, JailSpec, SelfTestReport } from "../jail.ts";
import { unavailable } from "../jail-errors.ts";
import { checkNewJail, refuseEqualsSign } from "../jail-spec.ts";
import { writeRoot } from "../oci/oci-bundle.ts";
import { ociSeccomp } from "../oci/oci-seccomp.ts";
import { gateIdOf } from "../orphans.ts";
import { type CgroupSupport, throttlingVersion } from "../resources/cgroups.ts";
import { enforceDiskQuota } from "../resources/disk-quota.ts";
import { disksUnderMounts } from "../resources/disk-throttling.ts";
import { ProvenGuarantees } from "../self-test/proven-guarantees.ts";
import { startContainer } from "./container.ts";
import { writeDevDirectory } from "./dev-directory.ts";
import { type DockerImage, importImage } from "./docker-image.ts";
import { dockerContainer } from "./docker-spec.ts";
import { EngineClient, isRecord } from "./engine-client.ts";
import { mountsOf, podmanContainer } from "./podman-spec.ts";
import { listPath, startWatchdog } from "./watchdog.ts";

export interface EngineOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  /** Socket of the engine; by default its usual path. */
  readonly socketPath?: string;
}

const labelName = "dev.holdfast.gate";
/** Label with the id of one gate process, so that its watchdog does not end containers of the next process. */
const hostLabelName = "dev.holdfast.host";

/**
 * Driver for podman and docker, through the Engine API on a Unix socket. The engine must run on this machine, since jails
 * mount the system from it and the self-test inspects their processes.
 */
export class EngineDriver implements JailDriver {
  readonly name: "podman" | "docker";
  readonly unsafe = false;
  readonly #proven = new ProvenGuarantees((spec) => this.#launch(spec));
  readonly #client: EngineClient;
  readonly #gateId: string;
  readonly #hostId = randomUUID();
  /** Parent of the root directories of containers, which the users of their namespaces must be able to enter. */
  readonly #roots: string;
  readonly #directory: string;
  readonly #perl: string;
  readonly #running = new Set<string>();
  /** Image of an empty root, since docker starts containers from images only. */
  #image: Promise<DockerImage> | undefined;
  #watchdog: ChildProcess | undefined;

  /** Throws `jail.unavailable` where there is no socket, or no perl for the first process of a jail. */
  constructor(name: "podman" | "docker", options: EngineOptions) {
    this.name = name;
    this.#client = new EngineClient(options.socketPath ?? usualSocket(name));
    this.#perl = findProgram("perl") ?? missingPerl();
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    this.#gateId = gateIdOf(options.directory);
    const isRoot = process.getuid?.() === 0;
    this.#roots = isRoot ? join("/run/holdfast", this.#gateId) : join(options.directory, "roots");
    this.#directory = options.directory;
    for (const unixSockets of [true, false]) {
      writeFileSync(this.#seccompFile({ unixSockets }), seccompOf({ unixSockets }), { mode: 0o600 });
    }
  }

  #absentLimits: CgroupSupport["absent"] = {};
  /** Read from this machine, since the engine does not report it. */
  readonly throttling = throttlingVersion();
  readonly landlock = detectLandlock();

  /** Docker containers share one user namespace, by default that of the host. */
  get sharesUsers(): boolean {
    return this.name === "docker";
  }

  /** As root: user 0 of the host is then the user of the jail, and owns /dev in a container. */
  get devicesReadOnly(): boolean {
    return process.getuid?.() === 0;
  }

  get #label(): string {
    return `${labelName}=${this.#gateId}`;
  }

  async endOrphans(): Promise<number> {
    const ended = await this.#removeOrphans();
    rmSync(this.#roots, { recursive: true, force: true });
    this.#makeRoots();
    this.#watchdog ??= startWatchdog(this.#perl, this.#client.socketPath, `${hostLabelName}=${this.#hostId}`);
    return ended;
  }

  /** Retries, since the watchdog of the killed gate may remove the same containers. */
  async #removeOrphans(): Promise<number> {
    const found = await this.#orphans();
    for (let left = found, attempts = 10; left.length > 0 && attempts > 0; attempts -= 1) {
      for (const id of left) {
        try {
          await this.#client.call("DELETE", `/containers/${id}?force=true&v=true`);
        } catch (error) {
          if (attempts === 1) throw error;
        }
      }
      left = await this.#orphans();
      if (left.length > 0) await delay(100);
    }
    return found.length;
  }

  async #orphans(): Promise<readonly string[]> {
    const found = await this.#client.call("GET", listPath(this.#label));
    if (!Array.isArray(found)) return [];
    return found.flatMap((each: unknown) =>
      isRecord(each) && typeof each["Id"] === "string" ? [each["Id"]] : [],
    );
  }

  #makeRoots(): void {
    mkdirSync(this.#roots, { recursive: true, mode: 0o755 });
    // Whoever can write here could replace a root.
    const { uid, mode } = lstatSync(this.#roots);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
      throw unavailable(`${this.#roots} belongs to another user or is writable for others. Remove it`);
    }
    chmodSync(this.#roots, 0o755);
  }

  async close(): Promise<void> {
    this.#watchdog?.kill("SIGKILL");
    this.#watchdog = undefined;
    this.#client.close();
    rmSync(this.#roots, { recursive: true, force: true });
  }

  /** Limits that a rootless engine has no control groups for. */
  get absentLimits(): CgroupSupport["absent"] {
    return this.#absentLimits;
  }

  async selfTest(): Promise<SelfTestReport> {
    const io = "no control group of this machine throttles disks";
    this.#absentLimits = {
      ...(this.throttling === undefined ? { io } : {}),
      ...(await missingLimits(this.#client)),
    };
    return this.#proven.prove(this);
  }

  get guarantees(): readonly Guarantee[] {
    return this.#proven.list;
  }

  start(spec: JailSpec): Promise<Jail> {
    return this.#proven.start(spec);
  }

  async #launch(unchecked: JailSpec): Promise<Jail> {
    const spec = withoutLimits(checkNewJail(unchecked, this.#running), this.#absentLimits);
    refuseEqualsSign(spec);
    this.#running.add(spec.id);
    const root = join(this.#roots, spec.id);
    const onExit = () => {
      rmSync(root, { recursive: true, force: true });
      this.#running.delete(spec.id);
    };
    let container: string | undefined;
    try {
      container = this.name === "podman" ? await this.#inRoot(spec, root) : await this.#inImage(spec);
      const isPodman = this.name === "podman" || (await this.#image)?.isPodman === true;
      const jail = await startContainer({ client: this.#client, spec, container, isPodman, onExit });
      return enforceDiskQuota(jail, spec);
    } catch (error) {
      if (container !== undefined) {
        await this.#client.call("DELETE", `/containers/${container}?force=true&v=true`).catch(() => {});
      }
      onExit();
      throw error;
    }
  }

  #seccompFile({ unixSockets = true }: FilterOptions): string {
    return join(this.#directory, unixSockets ? "seccomp.json" : "seccomp-no-sockets.json");
  }

  #planOf(spec: JailSpec) {
    const labels = { [labelName]: this.#gateId, [hostLabelName]: this.#hostId };
    const { landlock } = this;
    return {
      spec,
      labels,
      seccompFile: this.#seccompFile(spec),
      landlock,
      disks: disksUnderMounts(spec),
    } as const;
  }

  async #inRoot(spec: JailSpec, root: string): Promise<string> {
    writeRoot(root, mountsOf(spec));
    if (this.devicesReadOnly) writeDevDirectory(root);
    const body = podmanContainer({ ...this.#planOf(spec), root });
    return idOf(await this.#client.call("POST", "/libpod/containers/create", body));
  }

  async #inImage(spec: JailSpec): Promise<string> {
    this.#image ??= importImage(this.#client, join(this.#roots, "image"));
    this.#image.catch(() => {
      this.#image = undefined;
    });
    const body = dockerContainer({
      ...this.#planOf(spec),
      ...(await this.#image),
      seccomp: seccompOf(spec),
    });
    return idOf(await this.#client.call("POST", "/containers/create", body));
  }
}

const seccompOf = (options: FilterOptions) => JSON.stringify(ociSeccomp(filterArch(), options));

/** Limits that the engine lacks: a rootless one has the controllers that systemd delegates, and none on version 1. */
async function missingLimits(client: EngineClient): Promise<CgroupSupport["absent"]> {
  const [docker, podman] = await Promise.all([
    client.call("GET", "/info"),
    client.call("GET", "/libpod/info").catch(() => undefined),
  ]);
  if (!JSON.stringify([docker, podman]).match(/"rootless":true|"name=rootless"/)) return {};
  const host = isRecord(podman) ? podman["host"] : undefined;
  const controllers = isRecord(host) ? host["cgroupControllers"] : undefined;
  const said = isRecord(docker) ? docker : {};
  const has = (controller: string, flag: string) =>
    Array.isArray(controllers) ? controllers.includes(controller) : said[flag] === true;
  const reason = "a rootless engine needs control groups of version 2 and systemd's delegation for it";
  return {
    ...(has("memory", "MemoryLimit") ? {} : { memory: reason }),
    ...(has("pids", "PidsLimit") ? {} : { pids: reason }),
    ...(has("cpu", "CpuCfsQuota") ? {} : { cpu: reason }),
    // Docker does not report this one.
    ...(Array.isArray(controllers) && controllers.includes("io") ? {} : { io: reason }),
  };
}

/** Removes limits that the engine does not have: it would refuse the container, or ignore them silently. */
function withoutLimits(spec: JailSpec, absent: CgroupSupport["absent"]): JailSpec {
  if (spec.limits === undefined || Object.keys(absent).length === 0) return spec;
  const { memoryBytes, pids, cpus, ...rest } = spec.limits;
  return {
    ...spec,
    limits: {
      ...rest,
      ...(memoryBytes === undefined || absent.memory !== undefined ? {} : { memoryBytes }),
      ...(pids === undefined || absent.pids !== undefined ? {} : { pids }),
      ...(cpus === undefined || absent.cpu !== undefined ? {} : { cpus }),
    },
  };
}

function idOf(made: unknown): string {
  const id = isRecord(made) ? made["Id"] : undefined;
  if (typeof id === "string") return id;
  throw new HoldfastError("jail", "start_failed", "The container engine made a container without an id", {
    statusCode: 503,
  });
}

function missingPerl(): never {
  throw unavailable(
    "Jails of container engines need perl, which is not installed. Run: sudo apt-get install --yes perl",
  );
}

/** The usual socket: the system's for docker and for podman as root, otherwise the one of this user. */
function usualSocket(name: "podman" | "docker"): string {
  const uid = process.getuid?.() ?? 0;
  const ofUser = join(process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${uid}`, "podman/podman.sock");
  const podman = uid === 0 ? "/run/podman/podman.sock" : ofUser;
  const path = name === "docker" ? "/var/run/docker.sock" : podman;
  if (existsSync(path)) return path;
  const user = uid === 0 ? "" : "--user ";
  const fix =
    name === "docker"
      ? "sudo apt-get install --yes docker.io"
      : `sudo apt-get install --yes podman && systemctl ${user}enable --now podman.socket`;
  throw unavailable(`${name} has no socket at ${path}. Install and start it. Run: ${fix}`);
}
