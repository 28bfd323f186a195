/** One machine as its actor drives it: its start and end, its disk, and what runs in it. */
import type { ActorBlobs, ActorLogger } from "@holdfast/actors";
import { SandboxAgent, type SessionPersistDriver } from "@holdfast/sandbox-client";
import { fetchOver } from "@holdfast/sandbox-client/node";
import { Disk, type DiskState, type SnapshotInfo } from "../disk/disk.ts";
import { machineEnded } from "../errors.ts";
import type { Machine, MachineFolders } from "../host/machine.ts";
import type { TakenSpare } from "../host/spare-machines.ts";
import { agentOsLimits } from "../limits.ts";
import type { AgentOsEvents } from "../types.ts";
import { SnapshotTimer } from "./snapshot-timer.ts";

/** Part of the actor's state that outlives each machine. */
export interface AgentOsState extends DiskState {
  readonly version: 1;
  previews: { token: string; port: number; expiresAt: number }[];
  cronRuns: Record<string, number>;
}

/** What a machine needs of its actor. */
export interface VmActor {
  readonly actorId: string;
  readonly state: AgentOsState;
  readonly blob: ActorBlobs;
  readonly log: ActorLogger;
  readonly sessions: SessionPersistDriver;
  /** Aborts when the actor stops. */
  readonly stopping: AbortSignal;
  /** Sends an event to every connection. */
  emit<Name extends keyof AgentOsEvents>(name: Name, payload: AgentOsEvents[Name]): void;
  /** Prevents the actor's sleep until the promise settles. */
  keepAwake(promise: Promise<unknown>): void;
  commit(): Promise<void>;
}

/** How a machine is made, and where its folders are. */
export interface VmPlace {
  /** Folder on the host of all disks. */
  readonly directory: string;
  readonly snapshotIntervalMs: number;
  /** Snapshots while programs run need a host that can read the folders safely. */
  readonly snapshotsWhileRunning: boolean;
  launch(folders: MachineFolders): Promise<Machine>;
  /** A machine that was started ahead. */
  takeSpare(): Promise<TakenSpare | undefined>;
}

/** A machine that runs, and the client of its server. */
export interface LiveMachine {
  readonly machine: Machine;
  readonly client: SandboxAgent;
}

export class Vm {
  readonly actor: VmActor;
  readonly #place: VmPlace;
  readonly #disk: Disk;
  readonly #timer: SnapshotTimer;
  #live: Promise<LiveMachine> | undefined;
  /** Programs and turns that run. */
  #running = 0;
  #stopped = false;

  constructor(actor: VmActor, place: VmPlace) {
    this.actor = actor;
    this.#place = place;
    const { actorId, blob, state } = actor;
    const commit = () => actor.commit();
    this.#disk = new Disk({ directory: place.directory, actorId, blob, state, commit, now: Date.now });
    this.#timer = new SnapshotTimer({
      intervalMs: place.snapshotIntervalMs,
      take: async () => {
        await this.#disk.snapshot();
        return this.#running > 0;
      },
      onError: (error) => actor.log.error("could not take a snapshot of a machine", { error }),
    });
  }

  /** The running machine; starts it if there is none. Throws the errors of its start. */
  live(): Promise<LiveMachine> {
    if (this.#stopped) return Promise.reject(machineEnded("its actor stops"));
    this.#live ??= this.#start();
    return this.#live;
  }

  /** Calls the server of the machine. What it changes is in the next snapshot. */
  async use<T>(call: (client: SandboxAgent, machine: Machine) => Promise<T>): Promise<T> {
    const { client, machine } = await this.live();
    return await this.#untilEnd(machine, call(client, machine));
  }

  /** As {@link use}, for what changes files. */
  async change<T>(call: (client: SandboxAgent, machine: Machine) => Promise<T>): Promise<T> {
    try {
      return await this.use(call);
    } finally {
      this.touch();
    }
  }

  /** Something in the machine may have changed its files. */
  touch(): void {
    if (this.#place.snapshotsWhileRunning && !this.#stopped) this.#timer.schedule();
  }

  /** Keeps the actor awake, and takes snapshots, until a program or turn has ended. Never rejects. */
  runUntil(ended: Promise<unknown>): void {
    const { stopping } = this.actor;
    this.#running += 1;
    this.touch();
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    if (stopping.aborted) abort();
    stopping.addEventListener("abort", abort, { once: true });
    const settled = Promise.race([ended, aborted.promise])
      .catch(() => {})
      .finally(() => {
        stopping.removeEventListener("abort", abort);
        this.#running -= 1;
        this.touch();
      });
    this.actor.keepAwake(settled);
  }

  /** Takes a snapshot now. */
  async snapshot(): Promise<SnapshotInfo> {
    await this.live();
    return this.#disk.snapshot();
  }

  /** Ends the programs and takes the last snapshot. */
  async sleep(): Promise<void> {
    const ran = await this.#end("sleep");
    if (ran) await this.#disk.snapshot();
  }

  /** Ends the programs and removes the folders. */
  async destroy(): Promise<void> {
    await this.#end("destroy");
    await this.#disk.remove();
  }

  async #start(): Promise<LiveMachine> {
    try {
      const machine = await this.#startMachine();
      this.actor.log.info("a machine has started", { machine: machine.id });
      const client = await SandboxAgent.connect({
        fetch: fetchOver(machine.agent),
        persist: this.actor.sessions,
        skipHealthCheck: true,
      });
      void machine.ended.then((error) => this.#ended(machine, client, error));
      this.actor.emit("vmBooted", {});
      return { machine, client };
    } catch (error) {
      this.#live = undefined;
      throw error;
    }
  }

  /** On a machine that was started ahead if there is one: then the disk moves there. */
  async #startMachine(): Promise<Machine> {
    const spare = await this.#place.takeSpare();
    if (spare === undefined) return this.#place.launch(await this.#disk.open());
    try {
      await this.#disk.open(spare);
      return spare.machine;
    } catch (error) {
      await spare.machine.stop(0);
      throw error;
    }
  }

  async #ended(machine: Machine, client: SandboxAgent, error: Error): Promise<void> {
    this.#live = undefined;
    if (!this.#stopped) {
      this.actor.log.warn("a machine has ended", { error });
      this.actor.emit("vmShutdown", { reason: "error" });
    }
    await client.dispose().catch(() => {});
    await machine.stop(0).catch((cause: unknown) => this.actor.log.warn("could not clean up", { cause }));
  }

  async #end(reason: "sleep" | "destroy"): Promise<boolean> {
    this.#stopped = true;
    await this.#timer.stop();
    const live = await this.#live?.catch(() => undefined);
    if (live === undefined) return false;
    this.actor.emit("vmShutdown", { reason });
    await live.machine.stop(reason === "sleep" ? agentOsLimits.stopGraceMs : 0);
    return true;
  }

  /** A call whose machine ends fails with the reason for that, instead of a broken connection. */
  async #untilEnd<T>(machine: Machine, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      const ended = await Promise.race([machine.ended, Promise.resolve(undefined)]);
      throw ended ?? error;
    }
  }
}
