import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { findProgram, unavailable } from "../bubblewrap/bwrap-program.ts";
import { detectLandlock } from "../confinement/landlock.ts";
import { type FilterOptions, filterArch } from "../confinement/seccomp.ts";
import type { Jail, JailDriver, JailSpec, SelfTestReport } from "../jail.ts";
import { checkNewJail, refuseEqualsSign } from "../jail-spec.ts";
import { writeRoot } from "../oci/oci-bundle.ts";
import { ociSeccomp } from "../oci/oci-seccomp.ts";
import { gateIdOf } from "../orphans.ts";
import { type CgroupSupport, throttlingVersion } from "../resources/cgroups.ts";
import { enforceDiskQuota } from "../resources/disk-quota.ts";
import { disksUnderMounts } from "../resources/disk-throttling.ts";
import { ProvingDriver } from "../self-test/self-tested-driver.ts";
import { startContainer } from "./container.ts";
import { writeDevDirectory } from "./dev-directory.ts";
import { type DockerImage, importImage } from "./docker-image.ts";
import { dockerContainer } from "./docker-spec.ts";
import { EngineClient, isRecord } from "./engine-client.ts";
import { mountsOf, podmanContainer } from "./podman-spec.ts";
import { labelled, startWatchdog } from "./watchdog.ts";

export interface EngineOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  /** Of the engine. By default where it puts it. */
  readonly socketPath?: string;
}

const labelName = "dev.holdfast.gate";
/** Of one process that opened the gate: what ends with it is not what the next one has made since. */
const hostLabelName = "dev.holdfast.host";

/**
 * Jails made by a container engine, through its API on a Unix socket. It has to be the engine of this
 * machine: what jails see of the system is mounted from it, and their processes are looked at from here.
 */
export class EngineDriver extends ProvingDriver implements JailDriver {
  readonly name: "podman" | "docker";
  readonly unsafe = false;
  readonly #client: EngineClient;
  readonly #gateId: string;
  readonly #hostId = randomUUID();
  /** Roots of containers: empty directories that the users of their namespaces can reach. */
  readonly #roots: string;
  readonly #directory: string;
  readonly #perl: string;
  readonly #running = new Set<string>();
  /** Docker starts containers from images only: the one of an empty root. */
  #image: Promise<DockerImage> | undefined;
  #watchdog: ChildProcess | undefined;

  /** Throws `jail.unavailable` where there is no socket, or no perl for the first process of a jail. */
  constructor(name: "podman" | "docker", options: EngineOptions) {
    super();
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
  /** The engine is one of this machine, and tells nothing of what it can bound of disks. */
  readonly throttling = throttlingVersion();
  readonly landlock = detectLandlock();

  /** Docker has one user namespace for all containers, and by default that of the host. */
  get sharesUsers(): boolean {
    return this.name === "docker";
  }

  /** Where user 0 of the host is the one of the jail too, which owns /dev in a container. */
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

  /** The watchdog of the host that was killed may be at the same: what counts is that all are gone. */
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
    const found = await this.#client.call("GET", labelled(this.#label));
    if (!Array.isArray(found)) return [];
    return found.flatMap((each: unknown) =>
      isRecord(each) && typeof each["Id"] === "string" ? [each["Id"]] : [],
    );
  }

  #makeRoots(): void {
    mkdirSync(this.#roots, { recursive: true, mode: 0o755 });
    // Whoever could write here could put another root in place.
    const { uid, mode } = lstatSync(this.#roots);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
      throw unavailable(`${this.#roots} is not this user's alone: remove it`);
    }
    chmodSync(this.#roots, 0o755);
  }

  async close(): Promise<void> {
    this.#watchdog?.kill("SIGKILL");
    this.#watchdog = undefined;
    this.#client.close();
    rmSync(this.#roots, { recursive: true, force: true });
  }

  /** Limits that the engine of an ordinary user was not given control groups for. */
  get absentLimits(): CgroupSupport["absent"] {
    return this.#absentLimits;
  }

  override async selfTest(): Promise<SelfTestReport> {
    const io = "no control group of this machine bounds reads and writes";
    this.#absentLimits = {
      ...(this.throttling === undefined ? { io } : {}),
      ...(await missingLimits(this.#client)),
    };
    return super.selfTest();
  }

  protected async launch(unchecked: JailSpec): Promise<Jail> {
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
      return enforceDiskQuota(await startContainer({ client: this.#client, spec, container, onExit }), spec);
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

/** Where the engine runs as an ordinary user, it limits what systemd handed on to that user, and on version 1 nothing. */
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
  const reason =
    "the engine of this user has no control group for it: it needs version 2, and systemd's delegation";
  return {
    ...(has("memory", "MemoryLimit") ? {} : { memory: reason }),
    ...(has("pids", "PidsLimit") ? {} : { pids: reason }),
    ...(has("cpu", "CpuCfsQuota") ? {} : { cpu: reason }),
    // Docker has no word for this one.
    ...(Array.isArray(controllers) && controllers.includes("io") ? {} : { io: reason }),
  };
}

/** What the engine cannot limit it must not be asked for: it would start nothing, or say nothing. */
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
  throw unavailable("Jails of container engines need perl. Run: sudo apt-get install --yes perl");
}

/** Where the socket is: of the system for root and docker, of the user for podman. */
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
  throw unavailable(`${name} answers on no socket (${path}). Run: ${fix}`);
}
