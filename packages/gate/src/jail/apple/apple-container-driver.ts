/** Apple: the driver for virtual machines of Apple's `container` on macOS. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { makeSocketFolder, type SocketFolder } from "../../socket-folder.ts";
import type { Guarantee, Jail, JailDriver, JailSpec, SelfTestReport } from "../jail.ts";
import { checkNewJail, refuseEqualsSign } from "../jail-spec.ts";
import { gateIdOf } from "../orphans.ts";
import { enforceDiskQuota } from "../resources/disk-quota.ts";
import { ProvenGuarantees } from "../self-test/proven-guarantees.ts";
import { ContainerProgram } from "./container-program.ts";
import { startMachine } from "./machine.ts";
import { watchMachines } from "./machine-watchdog.ts";
import { type RelayedMounts, relaySockets } from "./socket-relay.ts";

export interface AppleContainerOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  /** Path of the `container` program; by default found on PATH, or where its installer puts it. */
  readonly containerPath?: string;
  /** Image of a Linux with perl; {@link defaultContainerImage} by default. */
  readonly image?: string;
}

/** Debian with perl, Node and git. It must have been pulled before: the driver contacts no registry. */
export const defaultContainerImage = "docker.io/library/node:24-bookworm";

/**
 * Driver for Apple's `container` on macOS: each jail is a virtual machine with a Linux kernel of its own and the root of
 * an image. Written against the command reference and sources of the program and tested with an emulator of it, never on
 * a Mac; where the real program behaves differently, the self-test refuses it.
 */
export class AppleContainerDriver implements JailDriver {
  readonly name = "apple-container";
  readonly unsafe = false;
  readonly #proven = new ProvenGuarantees((spec) => this.#launch(spec));
  readonly view = "machine";
  readonly #program: ContainerProgram;
  readonly #image: string;
  readonly #directory: string;
  readonly #gateId: string;
  /** Id of one gate process, so that its watchdog does not end machines of the next process. */
  readonly #hostId = randomBytes(4).toString("hex");
  readonly #running = new Set<string>();
  #sockets: SocketFolder | undefined;
  #watchdog: ChildProcess | undefined;

  /** Throws `jail.unavailable` where the program is missing, another one, or too old. */
  constructor(options: AppleContainerOptions) {
    this.#program = new ContainerProgram(options.containerPath);
    this.#image = options.image ?? defaultContainerImage;
    this.#directory = options.directory;
    mkdirSync(this.#started, { recursive: true, mode: 0o700 });
    this.#gateId = gateIdOf(options.directory);
  }

  readonly absentLimits = {
    memory: "the memory of the machine is the limit, but a kill by it cannot be told from another end",
    cpu: "a machine has whole processors: a fraction is rounded up",
    io: "Apple's container does not throttle disks",
  };

  readonly landlock = { absent: "not used in virtual machines" } as const;

  /** Folder of the files that the program writes when machines have started. */
  get #started(): string {
    return join(this.#directory, "jails");
  }

  get #prefix(): string {
    return `holdfast-${this.#gateId}-`;
  }

  async endOrphans(): Promise<number> {
    await this.#program.checkReady(this.#image);
    const ended = await this.#program.removeAll(this.#prefix);
    this.#sockets ??= await makeSocketFolder(join(this.#directory, "m"));
    this.#watchdog ??= watchMachines(this.#program, `${this.#prefix}${this.#hostId}`);
    return ended;
  }

  async close(): Promise<void> {
    this.#watchdog?.kill("SIGKILL");
    this.#watchdog = undefined;
    await this.#sockets?.remove();
    this.#sockets = undefined;
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
    const unique = randomBytes(4).toString("hex");
    this.#running.add(spec.id);
    let relayed: RelayedMounts | undefined;
    const onExit = () => {
      relayed?.close();
      this.#running.delete(spec.id);
    };
    try {
      relayed = await relaySockets(spec.mounts, join(this.#socketFolder.path, unique));
      const name = `${this.#prefix}${this.#hostId}-${unique}`;
      const plan = {
        ...{ spec, name, image: this.#image, mounts: relayed.mounts },
        label: `dev.holdfast.gate=${this.#gateId}`,
        startedFile: join(this.#started, `${name}.cid`),
      };
      return enforceDiskQuota(await startMachine({ program: this.#program, plan, onExit }), spec);
    } catch (error) {
      onExit();
      throw error;
    }
  }

  get #socketFolder(): SocketFolder {
    if (this.#sockets !== undefined) return this.#sockets;
    throw new HoldfastError("jail", "unavailable", "The jail driver is closed, or not open yet", {
      statusCode: 503,
    });
  }
}
