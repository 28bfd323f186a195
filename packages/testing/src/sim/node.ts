import type { AnyDefinition, ClusterStore } from "@holdfast/actors";
import { type Logger, limits, type Ports } from "@holdfast/core";
import {
  ClusterDriver,
  ClusterMember,
  ClusterMetrics,
  clientOfActor,
  Directory,
  LocalDriver,
  stateVersionsOf,
  Wakeups,
} from "@holdfast/server";
import { SimLeases } from "./cluster/leases.ts";
import type { SimLinks } from "./cluster/links.ts";
import { ProcessGate } from "./cluster/process-gate.ts";
import { SimCluster } from "./cluster/sim-cluster.ts";
import type { SimNetwork, SimServer } from "./network.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { processTasks, type Scheduler, type SimClock } from "./scheduler.ts";
import type { SeededRandom } from "./seeded.ts";
import type { SimStore, StoreProcess } from "./store.ts";

type Definitions = Readonly<Record<string, AnyDefinition>>;

/** What a node shares with the other nodes of its cluster. */
export interface SimNodeCluster {
  readonly leases: ClusterStore;
  readonly links: SimLinks;
  readonly ttlMs: number;
  readonly plant: PlantedBug | undefined;
  /** True if the store of the leases loses changes. */
  readonly losesChanges: boolean;
  /** Called when actors have lost what was in memory only. */
  disrupted(why: string): void;
  /** Called when an invariant is broken. */
  reportViolation(message: string): void;
}

export interface SimNodeOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly clock: SimClock;
  readonly store: SimStore;
  readonly network: SimNetwork;
  /** Definitions of the release that runs first, and of the next one. */
  readonly releases: readonly [Definitions, Definitions];
  readonly log: Logger;
  /** Undefined for a single node. */
  readonly cluster?: SimNodeCluster | undefined;
}

interface Process {
  readonly gate: ProcessGate;
  readonly tasks: ReturnType<typeof processTasks>;
  readonly store: StoreProcess;
  readonly directory: Directory;
  readonly cluster: SimCluster | undefined;
}

const messageLimits = {
  maxIncomingBytes: limits.maxIncomingMessageBytes,
  maxOutgoingBytes: limits.maxOutgoingMessageBytes,
};

/** Simulated machine that runs the real directory, actors and server side of connections, in one process at a time. */
export class SimNode {
  readonly name: string;
  readonly clock: SimClock;
  readonly #options: SimNodeOptions;
  #process: Process | undefined;
  #starts = 0;
  #stopping = false;
  #isRetired = false;
  #release: 0 | 1 = 0;

  constructor(options: SimNodeOptions) {
    this.name = options.name;
    this.clock = options.clock;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** True while the process serves actors, or may. */
  get isReady(): boolean {
    const process = this.#process;
    return process !== undefined && process.cluster?.isReady !== false;
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
    if (this.#process !== undefined || this.#isRetired) return;
    const { name, scheduler, random, clock, store, network, releases, log, cluster } = this.#options;
    const definitions = releases[this.#release];
    scheduler.note(`start process ${++this.#starts}`);
    const gate = new ProcessGate(scheduler);
    const tasks = gate.tasks(
      processTasks(scheduler, `${cluster === undefined ? "" : `${name} `}p${this.#starts}`),
    );
    const own = store.process(gate, this.#release === 0);
    const ports: Ports = { clock, random, tasks, log };
    const directory = new Directory({
      definitions,
      store: own,
      ports,
      messageLimits,
      clientFor: clientOfActor,
      // Only a disruption ends a connection whose client returns.
      ...(cluster === undefined ? {} : { resume: { windowMs: 600_000 } }),
    });
    const local = new LocalDriver(async () => directory, ports, messageLimits);
    network.encodeWith(local);
    const process: Process = {
      ...{ gate, tasks, store: own, directory },
      cluster: cluster && this.#cluster(cluster, directory, own, ports, local, gate),
    };
    this.#process = process;
    this.#stopping = false;
    if (process.cluster === undefined) {
      network.serve(name, { driver: local, connect: (...asked) => local.connect(...asked), gate });
      directory.alarms.start();
    } else void this.#join(process, process.cluster, local);
  }

  /** Stops the process for a while, as SIGSTOP does: it notices nothing until it continues. */
  freeze(): void {
    this.#options.scheduler.note(`freeze ${this.name}`);
    this.#process?.gate.freeze();
  }

  thaw(): void {
    this.#process?.gate.thaw();
  }

  /** As `freeze`, and the monotonic clock of the machine stands still, too. */
  suspend(): void {
    this.#options.scheduler.note(`suspend ${this.name}`);
    this.#process?.gate.suspend();
  }

  /** Cuts the process off from the store, or connects it again. */
  cutOff(isCutOff: boolean): void {
    if (this.#process !== undefined) this.#process.store.isCutOff = isCutOff;
  }

  /** Crashes the process: no hook runs, and changes in flight may be lost. */
  crash(): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#options.scheduler.note(`crash process ${this.#starts}`);
    this.#process = undefined;
    process.gate.isEnded = true;
    process.store.crash();
    process.tasks.end();
    this.#options.network.serve(this.name, undefined);
    this.#options.cluster?.links.down(this.name);
  }

  /** Asks the process to hand over its actors, and to serve none until it is started again. */
  drain(): void {
    this.#handsOver();
    // Its membership may fail to store the wish: the request is repeated by no one.
    this.#process?.cluster?.requestDrain(this.name).catch(() => undefined);
  }

  #handsOver(): void {
    if (this.#process !== undefined) this.#process.store.isHandingOver = true;
  }

  /** From its next start on, the machine runs the next release. */
  upgrade(): void {
    this.#release = 1;
  }

  /** Shuts the process down gracefully. */
  async stop(): Promise<void> {
    const process = this.#process;
    if (process === undefined || this.#stopping) return;
    this.#options.scheduler.note(`stop process ${this.#starts}`);
    this.#stopping = true;
    this.#handsOver();
    if (process.cluster !== undefined) {
      await process.cluster.drain();
      const { size, hibernating } = process.directory;
      if (size + hibernating.size > 0) this.#options.cluster?.disrupted(`${this.name} has no successor`);
      this.#options.network.serve(this.name, undefined);
    }
    await process.directory.shutdown();
    if (this.#process === process) this.crash();
  }

  /** Shuts the process down for good. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.stop();
  }

  #cluster(
    { leases, links, ttlMs, plant, losesChanges, disrupted, reportViolation }: SimNodeCluster,
    directory: Directory,
    store: StoreProcess,
    ports: Ports,
    local: LocalDriver,
    gate: ProcessGate,
  ): SimCluster {
    const { name, store: shared, scheduler } = this.#options;
    const { definitions } = directory;
    let lostAt = Number.POSITIVE_INFINITY;
    const lost = (): void => {
      lostAt = Math.min(lostAt, scheduler.time);
      scheduler.note(`${name} finds that changes were lost`);
    };
    const watch = losesChanges ? { lost, isIgnored: plant === "ignore-lost-changes" } : undefined;
    const wakeups = new Wakeups({
      log: ports.log,
      leases: (revision) => member.catchUp(revision),
      due: (at) => directory.alarms.expect(at),
      start: () => undefined,
    });
    wakeups.use([
      {
        ...{ name: "links", isUp: true, close: async () => undefined },
        send: async ({ id }, message) => {
          links.wake(name, id, message);
          return true;
        },
      },
    ]);
    const member = new ClusterMember({
      namespaces: [],
      bareName: (name) => name,
      ...{ store, ports, monotonic: () => this.#monotonic(plant, gate), wall: () => this.#wall(plant, gate) },
      leases: new SimLeases(shared, store, leases, watch),
      node: {
        ...{ id: name, address: `sim://${name}`, version: "1", weight: 1, zone: "", region: "", pools: [] },
        serves: [...definitions.keys()],
        ...(plant === "wake-newer-state" ? {} : { stateVersions: stateVersionsOf(definitions) }),
      },
      timing: { ttlMs, renewMs: ttlMs * 0.3, maxDriftMs: ttlMs * 0.1 },
      metrics: new ClusterMetrics(),
      moveConnections: async (isMoved) => {
        if (plant !== "keep-connections") await directory.moveConnections(isMoved);
      },
      release: () => {
        if (plant !== "keep-connections") directory.release();
      },
      gained: () => directory.alarms.look(),
      // Its clocks drift, but are never wrong by much.
      timed: () => undefined,
      retain: (nodes) =>
        links.retain(
          name,
          nodes.map(({ id }) => id),
        ),
      wakeups,
    });
    const cluster = new SimCluster({
      node: name,
      member,
      links,
      wakeups,
      plant,
      disrupted,
      answers: () => {
        if (scheduler.time > lostAt) reportViolation(`${name} serves although the store has lost changes`);
      },
      local: () => local,
    });
    directory.cluster = cluster;
    links.up(name, { incarnation: this.#starts, gate, member, driver: local, wakeups });
    return cluster;
  }

  #monotonic(plant: PlantedBug | undefined, gate: ProcessGate): number {
    if (plant === "stopped-clock") return 0;
    return plant === "renew-with-local-time" ? this.clock.now() : gate.awakeMs;
  }

  #wall(plant: PlantedBug | undefined, gate: ProcessGate): number {
    if (plant === "stopped-clock") return 0;
    return plant === "forget-suspension" ? gate.awakeMs : this.clock.now();
  }

  async #join(process: Process, cluster: SimCluster, local: LocalDriver): Promise<void> {
    const { name, network, scheduler } = this.#options;
    try {
      await cluster.start();
    } catch (error) {
      // The id of a process that crashed is free when its session has expired; the supervisor tries again.
      scheduler.note(`${name} could not join: ${error instanceof Error ? error.message : ""}`);
      if (this.#process !== process) return;
      this.crash();
      scheduler.after(1_000, `${name} starts again`, () => this.start());
      return;
    }
    if (this.#process !== process) return;
    const remote = cluster.remoteDriver();
    const driver = new ClusterDriver({
      ...{ placement: cluster, local, caller: undefined },
      remote: () => remote,
    });
    const server: SimServer = {
      ...{ driver, gate: process.gate },
      connect: (target, ...asked) => cluster.owner(target)?.driver.connect(target, ...asked),
    };
    network.serve(name, server);
    process.directory.alarms.start();
  }
}
