import type { AnyDefinition } from "@holdfast/actors";
import { type Client, createClientWithDriver } from "@holdfast/client";
import { isHoldfastError, type Logger } from "@holdfast/core";
import { MemoryClusterStore } from "../store/memory-cluster-store.ts";
import { SimLinks } from "./cluster/links.ts";
import { PlantedLeases } from "./cluster/planted-leases.ts";
import { chooseFaults, type Faults, noFaults } from "./faults/faults.ts";
import { injectClusterFaults, injectFaults } from "./faults/inject-faults.ts";
import type { Ledger } from "./ledger.ts";
import { SimNetwork } from "./network.ts";
import { SimNode } from "./node.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { processTasks, Scheduler, SimClock } from "./scheduler.ts";
import { SeededRandom } from "./seeded.ts";
import { SimStore } from "./store.ts";
import { Trace } from "./trace.ts";

export interface WorldOptions {
  readonly testsLeases?: boolean | undefined;
  readonly losesChanges?: boolean | undefined;
  readonly seed: string;
  readonly plant: PlantedBug | undefined;
  /** Trace lines that are kept as text. */
  readonly keepLines: number;
  /** 1 by default: a node without a cluster. */
  readonly nodes?: number | undefined;
}

/** Violated guarantee of the system, or an error of the simulator. */
export class SimFailure extends Error {
  override readonly name = "SimFailure";
}

/** Workload: actor definitions, clients and checks. */
export interface Workload {
  readonly name: string;
  /** Definitions that differ in the next release. */
  readonly nextDefinitions?: Readonly<Record<string, AnyDefinition>>;
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  /** Starts the clients that run during faults. What they throw fails the run. */
  readonly clients: readonly (() => Promise<void>)[];
  /** Runs after healing, when all clients have ended: waits until the work is done, then checks the results. */
  check(): Promise<void>;
}

/** One simulated run: time, machines, network and faults. */
export class World {
  readonly seed: string;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly clock: SimClock;
  readonly store: SimStore;
  readonly network: SimNetwork;
  readonly client: Client;
  /** False while faults may still occur. */
  healed = false;
  readonly #clientTasks: ReturnType<typeof processTasks>;
  readonly #hiddenErrors: unknown[] = [];
  #failure: Error | undefined;
  #healedAt = Number.POSITIVE_INFINITY;
  #running = 0;
  /** All machines; the first of them alone, without a cluster. */
  nodes: readonly SimNode[] = [];
  /** The network between the nodes. */
  readonly links: SimLinks;
  #disruptedAt = Number.NEGATIVE_INFINITY;
  /** True in runs whose actors move in good order only: no node crashes, or loses its lease. */
  readonly hasPlannedMovesOnly: boolean;
  /** True in runs with many faults that end leases. */
  readonly testsLeases: boolean;
  /** True in runs in which the store of the leases loses its last changes. */
  readonly losesChanges: boolean;
  /** Sessions and leases, of several nodes. */
  leases: MemoryClusterStore | undefined;
  /** True if nodes can be upgraded. */
  hasNextRelease = false;
  readonly #count: number;
  readonly #plant: PlantedBug | undefined;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    const { plant } = options;
    this.trace = new Trace(options.keepLines);
    const scheduler = new Scheduler(this.random("scheduler"), this.trace);
    this.scheduler = scheduler;
    this.clock = new SimClock(scheduler);
    const reportViolation = (message: string): void => this.fail(message);
    this.store = new SimStore({
      scheduler,
      random: this.random("store"),
      clock: this.clock,
      plant,
      reportViolation,
    });
    this.#count = options.nodes ?? 1;
    this.testsLeases = options.testsLeases === true;
    this.losesChanges = options.losesChanges === true;
    const mayBePlanned = this.#count > 1 && !this.testsLeases && !this.losesChanges;
    this.hasPlannedMovesOnly = mayBePlanned && this.random("planned moves only").chance(0.3);
    this.#plant = plant;
    this.links = new SimLinks(scheduler, this.random("links"));
    this.network = new SimNetwork({ scheduler, random: this.random("network"), plant });
    this.#clientTasks = processTasks(scheduler, "client");
    this.client = createClientWithDriver(this.network.driver(), {
      clock: new SimClock(scheduler),
      random: this.random("client"),
      tasks: this.#clientTasks,
    });
  }

  /** Independent random stream, so that draws of one part do not affect the others. */
  random(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`);
  }

  /** True when faults have stopped and their effects have passed. */
  get areFaultsOver(): boolean {
    return this.healed && this.scheduler.time > this.#healedAt + faultDrainMs;
  }

  get ledger(): Ledger {
    return this.store.ledger;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * True if clients may have missed events since this time: actors have lost what was in memory only, by crashes, lost
   * leases or failed commits. A node that hands over its actors loses nothing. What a client learns may have been under
   * way for a while.
   */
  mayMissEvents(since: number): boolean {
    return this.nodes.length === 1 || this.#disruptedAt > since - 5_000;
  }

  /** Called when actors have lost what was in memory only. */
  disrupted(why: string): void {
    this.#disruptedAt = this.scheduler.time;
    this.note(`disruption: ${why}`);
  }

  /** Number of client tasks that have not ended. */
  get running(): number {
    return this.#running;
  }

  get clientTimers(): number {
    return this.#clientTasks.timers;
  }

  start(workloads: readonly Workload[]): void {
    const definitions = Object.assign({}, ...workloads.map((workload) => workload.definitions));
    const next = Object.assign({}, definitions, ...workloads.map((workload) => workload.nextDefinitions));
    this.hasNextRelease = workloads.some(({ nextDefinitions }) => nextDefinitions !== undefined);
    const { scheduler, store, network, links } = this;
    const log = this.#log();
    const shared = { scheduler, store, network, releases: [definitions, next] as const, log };
    if (this.#count === 1) {
      this.nodes = [new SimNode({ ...shared, name: "node", random: this.random("node"), clock: this.clock })];
    } else {
      const random = this.random("cluster");
      const ttlMs = random.pick([2_000, 5_000, 10_000]);
      const marks = this.random("marks of changes");
      const memory = new MemoryClusterStore(
        () => scheduler.time,
        random.pick([1, 4, 16]),
        () => marks.int(0, 2 ** 31),
      );
      this.leases = memory;
      const plant = this.#plant;
      const leases =
        plant === undefined ? memory : new PlantedLeases(memory, plant, this.random("planted leases"));
      const disrupted = (why: string): void => this.disrupted(why);
      const reportViolation = (message: string): void => this.fail(message);
      const { losesChanges } = this;
      const cluster = { leases, links, ttlMs, plant, losesChanges, disrupted, reportViolation };
      this.nodes = Array.from({ length: this.#count }, (_, at) => {
        const name = `n${at + 1}`;
        return new SimNode({
          ...shared,
          name,
          random: this.random(name),
          clock: new SimClock(scheduler),
          cluster,
        });
      });
    }
    for (const node of this.nodes) node.start();
  }

  /** The first machine. */
  get node(): SimNode | undefined {
    return this.nodes[0];
  }

  /** Only the first failure counts: later ones may follow from it. */
  fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = cause instanceof Error ? cause : new SimFailure(String(cause));
    this.scheduler.note(`FAILURE ${this.#failure.message}`);
  }

  assert(condition: boolean, message: () => string): void {
    if (!condition) this.fail(new SimFailure(message()));
  }

  note(text: string): void {
    this.scheduler.note(text);
  }

  /** Waits on a client's timer. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clientTasks.after(delayMs, resolve));
  }

  /** Polls every second until `condition` is true. */
  async eventually(
    what: string,
    boundMs: number,
    condition: () => Promise<boolean> | boolean,
  ): Promise<void> {
    const until = this.scheduler.time + boundMs;
    while (!(await condition())) {
      if (this.scheduler.time > until) throw new SimFailure(`not within ${boundMs} ms of healing: ${what}`);
      await this.pause(1_000);
    }
  }

  /** Starts a client task, which must end. */
  spawn(name: string, run: () => Promise<void>): void {
    this.#running++;
    const ended = (): void => {
      this.#running--;
      this.note(`ended ${name}`);
    };
    run().then(ended, (error: unknown) => {
      ended();
      this.fail(error);
    });
  }

  /** Runs a client's `call`. Returns undefined for an error that faults may cause; any other error fails the run. */
  async attempt<T>(name: string, call: () => Promise<T>): Promise<T | undefined> {
    const faultsPossible = !this.areFaultsOver;
    try {
      const value = await call();
      this.note(`client ${name} -> ${JSON.stringify(value)}`);
      return value;
    } catch (error) {
      this.note(
        `client ${name} failed: ${isHoldfastError(error) ? `${error.group}.${error.code}` : String(error)}`,
      );
      if (!this.#isExpectedError(error, faultsPossible)) this.fail(error);
      return undefined;
    }
  }

  #isExpectedError(error: unknown, mayBreak: boolean): boolean {
    if (!isHoldfastError(error)) return false;
    const code = `${error.group}.${error.code}`;
    // A call that was cut off between two commits may report it even after healing.
    if (code === "action.interrupted") return true;
    return mayBreak && expectedErrors.has(code);
  }

  /** Runs the simulation until `condition` is true. Fails the run when time or steps are exhausted. */
  async run(what: string, condition: () => boolean, boundMs: number, maxSteps = 2_000_000): Promise<void> {
    const until = this.scheduler.time + boundMs;
    const lastStep = this.scheduler.steps + maxSteps;
    while (!condition() && this.#failure === undefined) {
      if (!(await this.scheduler.step(until))) {
        if (!condition()) this.fail(`${what}: not within ${boundMs} ms, ${this.#state()}`);
        return;
      }
      if (this.scheduler.steps > lastStep)
        this.fail(`${what}: not within ${maxSteps} steps, ${this.#state()}`);
    }
  }

  /** Runs the simulation for a duration. */
  async elapse(durationMs: number): Promise<void> {
    const until = this.scheduler.time + durationMs;
    while (this.#failure === undefined && (await this.scheduler.step(until)));
  }

  #state(): string {
    const { store, network, scheduler } = this;
    return `${this.#running} clients run, ${network.inFlight} requests, ${store.inFlight} store calls, ${scheduler.pending} events: ${scheduler.labels().slice(0, 5).join(", ")}`;
  }

  /** Starts to inject faults, until `heal`. */
  injectFaults(faults?: Faults): void {
    if (this.nodes.length === 1) injectFaults(this, faults ?? chooseFaults(this.random("faults")));
    else injectClusterFaults(this, faults);
  }

  /** Stops all faults. */
  heal(): void {
    this.note("heal");
    this.healed = true;
    this.#healedAt = this.scheduler.time;
    this.store.faults = noFaults.store;
    this.store.isFull = false;
    this.network.faults = noFaults.network;
    this.network.heal();
    this.links.heal();
    this.links.faults = { delayMs: 5, lost: 0 };
    for (const node of this.nodes) {
      node.thaw();
      node.cutOff(false);
      // The machines of a cluster agree about the time, but for faults.
      if (this.nodes.length > 1) node.clock.offsetMs = 0;
      node.start();
    }
  }

  /** Errors whose details were hidden from callers. */
  get hiddenErrors(): readonly unknown[] {
    return this.#hiddenErrors;
  }

  #log(): Logger {
    const logger: Logger = {
      debug: (message, fields) => {
        const reason = fields?.["reason"];
        if (message !== "actor left memory" || (reason !== "failed" && reason !== "fenced")) return;
        this.disrupted(`an actor ${reason}`);
        this.assert(
          reason !== "fenced" || !this.hasPlannedMovesOnly,
          () => "an actor was served by two nodes",
        );
      },
      info: () => undefined,
      warn: (message) => {
        if (message.startsWith("the session of the node")) this.disrupted(message);
      },
      error: (message, fields) => {
        const error: unknown = fields?.["error"];
        this.note(`log error ${message} ${error instanceof Error ? error.message : ""}`);
        this.#hiddenErrors.push(error ?? message);
        // An internal error that was not simulated is a bug of the runtime.
        if (message === "internal error" && !isHoldfastError(error)) this.fail(error);
      },
      child: () => logger,
    };
    return logger;
  }
}

/** Errors that clients may receive during faults. */
const expectedErrors: ReadonlySet<string> = new Set([
  "client.network_error",
  "store.unavailable",
  "store.indeterminate",
  "store.full",
  "actor.stopping",
  "actor.fenced",
  "actor.moved",
  "actor.no_node",
  "actor.state_version_too_new",
  "gateway.shutting_down",
  "queue.delivery_pending",
]);

/** Time for the last faults to take effect: the longest delay of store and network. */
const faultDrainMs = 30_000;
