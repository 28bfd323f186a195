import type { AnyDefinition } from "@holdfast/actors";
import { type Logger, limits, type Ports } from "@holdfast/core";
import { clientOfActor, Directory, LocalDriver } from "@holdfast/server";
import type { SimNetwork } from "./network.ts";
import { processTasks, type Scheduler, type SimClock } from "./scheduler.ts";
import type { SeededRandom } from "./seeded.ts";
import type { SimStore, StoreProcess } from "./store.ts";

export interface SimNodeOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly clock: SimClock;
  readonly store: SimStore;
  readonly network: SimNetwork;
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  readonly log: Logger;
}

interface Process {
  readonly tasks: ReturnType<typeof processTasks>;
  readonly store: StoreProcess;
  readonly directory: Directory;
}

/** Simulated machine that runs the real directory, actors and server side of connections, in one process at a time. */
export class SimNode {
  readonly #options: SimNodeOptions;
  #process: Process | undefined;
  #starts = 0;
  #stopping = false;

  constructor(options: SimNodeOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  get directory(): Directory | undefined {
    return this.#process?.directory;
  }

  /** Number of timers of the process. */
  get timers(): number {
    return this.#process?.tasks.timers ?? 0;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const { scheduler, random, clock, store, network, definitions, log } = this.#options;
    scheduler.note(`start process ${++this.#starts}`);
    const tasks = processTasks(scheduler, `p${this.#starts}`);
    const own = store.process();
    const ports: Ports = { clock, random, tasks, log };
    const messageLimits = {
      maxIncomingBytes: limits.maxIncomingMessageBytes,
      maxOutgoingBytes: limits.maxOutgoingMessageBytes,
    };
    const directory = new Directory({
      definitions,
      store: own,
      ports,
      messageLimits,
      clientFor: clientOfActor,
    });
    this.#process = { tasks, store: own, directory };
    this.#stopping = false;
    network.serve(new LocalDriver(async () => directory, ports, messageLimits));
    directory.alarms.start();
  }

  /** Crashes the process: no hook runs, and changes in flight may be lost. */
  crash(): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#options.scheduler.note(`crash process ${this.#starts}`);
    this.#process = undefined;
    process.store.crash();
    process.tasks.end();
    this.#options.network.serve(undefined);
  }

  /** Shuts the process down gracefully. */
  async stop(): Promise<void> {
    const process = this.#process;
    if (process === undefined || this.#stopping) return;
    this.#options.scheduler.note(`stop process ${this.#starts}`);
    this.#stopping = true;
    await process.directory.shutdown();
    if (this.#process === process) this.crash();
  }
}
