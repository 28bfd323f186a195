import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { makeSocketFolder, type SocketFolder } from "../../socket-folder.ts";
import type { Jail, JailDriver, JailSpec } from "../jail.ts";
import { checkNewJail, refuseEqualsSign } from "../jail-spec.ts";
import { gateIdOf } from "../orphans.ts";
import { enforceDiskQuota } from "../resources/disk-quota.ts";
import { ProvingDriver } from "../self-test/self-tested-driver.ts";
import { ContainerProgram } from "./container-program.ts";
import { startMachine } from "./machine.ts";
import { watchMachines } from "./machine-watchdog.ts";
import { type RelayedMounts, relaySockets } from "./socket-relay.ts";

export interface AppleContainerOptions {
  /** Directory of the gate's own files (0700). */
  readonly directory: string;
  /** Of the `container` program. By default on PATH, or where its installer puts it. */
  readonly containerPath?: string;
  /** Image of a Linux with perl that jails start from; {@link defaultContainerImage} by default. */
  readonly image?: string;
}

/** Debian with perl, Node and git. It has to be there already: no registry is asked. */
export const defaultContainerImage = "docker.io/library/node:24-bookworm";

/**
 * Jails in machines of their own, made by Apple's `container` on macOS: each has a Linux kernel that is its alone,
 * and the root of an image. It is written against the program's command reference and its sources, proven against
 * an emulator of the program, and was not tried on a Mac; where the program does otherwise, the self-test refuses.
 */
export class AppleContainerDriver extends ProvingDriver implements JailDriver {
  readonly name = "apple-container";
  readonly unsafe = false;
  readonly view = "machine";
  readonly #program: ContainerProgram;
  readonly #image: string;
  readonly #directory: string;
  readonly #gateId: string;
  /** Of one process that opened the gate: what ends with it is not what the next one has made since. */
  readonly #hostId = randomBytes(4).toString("hex");
  readonly #running = new Set<string>();
  #sockets: SocketFolder | undefined;
  #watchdog: ChildProcess | undefined;

  /** Throws `jail.unavailable` where the program is missing, another one, or too old. */
  constructor(options: AppleContainerOptions) {
    super();
    this.#program = new ContainerProgram(options.containerPath);
    this.#image = options.image ?? defaultContainerImage;
    this.#directory = options.directory;
    mkdirSync(this.#started, { recursive: true, mode: 0o700 });
    this.#gateId = gateIdOf(options.directory);
  }

  readonly absentLimits = {
    memory: "its machine has no more, and what is killed there is not told from what killed itself",
    cpu: "its machine has whole processors: a fraction of one is rounded up",
    io: "Apple's container bounds no reads and writes",
  };

  readonly landlock = { absent: "the kernel of its machine is not asked for it" } as const;

  /** Where the program tells that machines have started. */
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

  protected async launch(unchecked: JailSpec): Promise<Jail> {
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
    throw new HoldfastError("jail", "unavailable", "The driver of jails is closed, or not open yet", {
      statusCode: 503,
    });
  }
}
