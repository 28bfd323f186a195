import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import { createGate, type GateConfig, proofFileOfEnvironment } from "@holdfast/gate";
import { loadMachinePrograms } from "../guest/programs.ts";
import { agentOsLimits } from "../limits.ts";
import { removeOldMounts } from "../mount/old-mounts.ts";
import { CodeCache } from "./code-cache.ts";
import { type LaunchContext, launch } from "./launch.ts";
import type { Machine, MachineFolders, MachineSettings } from "./machine.ts";
import { removeOldSpares, SpareMachines, type TakenSpare } from "./spare-machines.ts";
import { warmUp } from "./warm-up.ts";

/** "local" confines nothing: for development, where it was chosen by name. */
export type MachineProvider = "jail" | "local";

/** What a host is made for: machines with the same options share one. */
export interface MachineHostOptions {
  readonly directory: string;
  readonly provider: MachineProvider;
  readonly jails: Pick<
    NonNullable<GateConfig["jails"]>,
    "driver" | "bwrapPath" | "runscPath" | "engineSocket" | "containerPath" | "containerImage"
  >;
  readonly log: Logger;
}

interface OpenHost {
  readonly context: LaunchContext;
  readonly codeCache: CodeCache;
}

const hosts = new Map<string, MachineHost>();

/** Starts the machines of one data directory. Its gate opens with the first machine and stays open with the process. */
export class MachineHost {
  readonly #options: MachineHostOptions;
  readonly #spares = new Map<string, SpareMachines>();
  #opening: Promise<OpenHost> | undefined;
  #starts = 0;

  private constructor(options: MachineHostOptions) {
    this.#options = options;
  }

  /** The host of a data directory and a provider. */
  static of(options: MachineHostOptions): MachineHost {
    const key = `${options.provider} ${options.directory}`;
    const found = hosts.get(key) ?? new MachineHost(options);
    hosts.set(key, found);
    return found;
  }

  /** Folder of the disks of this host; spare ones become those of actors where they are. */
  get disks(): string {
    return join(this.#options.directory, "disks");
  }

  /** Throws `agent_os.no_jail`, `agent_os.start_failed`, and the errors of the gate. */
  async start(settings: MachineSettings, folders: MachineFolders): Promise<Machine> {
    return this.#launch(await this.#open(), settings, folders);
  }

  async #launch({ context, codeCache }: OpenHost, settings: MachineSettings, folders: MachineFolders) {
    const machine = await launch(context, settings, folders, codeCache.folder);
    this.#starts += 1;
    // Whoever starts one machine alone does not need it. Later, since it would slow the first calls of this one.
    if (this.#starts === 2) {
      const { tools: _tools, ...rest } = settings;
      const plain = { ...rest, env: {}, mounts: [], drivers: [], hosts: [] };
      const make = () => codeCache.make((own, cache) => launch(context, plain, own, cache));
      setTimeout(() => void make(), agentOsLimits.spareDelayMs).unref();
    }
    return machine;
  }

  /** A machine that was started ahead, if there is one with these settings, and from now on always one more. */
  async takeSpare(settings: MachineSettings, count: number): Promise<TakenSpare | undefined> {
    if (count === 0) return undefined;
    const host = await this.#open();
    const key = JSON.stringify(settings);
    const spares =
      this.#spares.get(key) ??
      new SpareMachines({
        ...{ count, directory: this.disks, log: this.#options.log },
        launch: async (folders) => warmUp(await this.#launch(host, settings, folders)),
      });
    this.#spares.set(key, spares);
    return spares.take();
  }

  #open() {
    this.#opening ??= this.#create().catch((error: unknown) => {
      // The next machine tries again, when the cause may be mended.
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #create(): Promise<OpenHost> {
    const { directory, provider, jails, log } = this.#options;
    const dataDir = join(directory, provider);
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const programs = await loadMachinePrograms(join(directory, "programs"));
    try {
      const unsafe = { driver: "none", allowUnsafe: true } as const;
      const gate = await createGate({
        ...{ dataDir, log, jails: provider === "local" ? unsafe : { ...proofFileOfEnvironment(), ...jails } },
        // Watchers would keep the process alive, and machines have no plugins.
        plugins: { watch: false },
      });
      await removeOldSpares(this.disks);
      const mounts = join(directory, "mounts", provider);
      await removeOldMounts(mounts);
      return {
        context: { gate, programs, mounts, tools: join(directory, "tools"), log },
        codeCache: new CodeCache({ directory: join(dataDir, "code-cache"), programs, log }),
      };
    } catch (error) {
      if (!isErrorCode(error, "jail", "unavailable")) throw error;
      const why = error instanceof Error ? error.message : String(error);
      const message = `This machine cannot make jails: ${why} To work without isolation on your own machine, set provider: "local".`;
      throw new HoldfastError("agent_os", "no_jail", message, { statusCode: 503, cause: error });
    }
  }
}
