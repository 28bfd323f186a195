import type { AnyDefinition } from "@holdfast/actors";
import { type Client, createClientWithDriver } from "@holdfast/client";
import { isHoldfastError, type Logger } from "@holdfast/core";
import { MemoryClusterStore } from "../store/memory-cluster-store.ts";
import { SimLinks } from "./cluster/links.ts";
import { chooseFaults, type Faults, noFaults } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import { SimNetwork } from "./network.ts";
import { SimNode } from "./node.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { processTasks, Scheduler, SimClock } from "./scheduler.ts";
import { SeededRandom } from "./seeded.ts";
import { SimStore } from "./store.ts";
import { Trace } from "./trace.ts";

export interface WorldOptions {
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

  /** Number of client tasks that have not ended. */
  get running(): number {
    return this.#running;
  }

  get clientTimers(): number {
    return this.#clientTasks.timers;
  }

  start(workloads: readonly Workload[]): void {
    const definitions = Object.assign({}, ...workloads.map((workload) => workload.definitions));
    const { scheduler, store, network, links } = this;
    const log = this.#log();
    const shared = { scheduler, store, network, definitions, log };
    if (this.#count === 1) {
      this.nodes = [new SimNode({ ...shared, name: "node", random: this.random("node"), clock: this.clock })];
    } else {
      const random = this.random("cluster");
      const ttlMs = random.pick([2_000, 5_000, 10_000]);
      const leases = new MemoryClusterStore(() => scheduler.time, random.pick([1, 4, 16]));
      const cluster = { leases, links, ttlMs, plant: this.#plant };
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
  injectFaults(faults: Faults = chooseFaults(this.random("faults"))): void {
    this.note(`faults ${JSON.stringify(faults)}`);
    this.store.faults = faults.store;
    this.network.faults = faults.network;
    const random = this.random("events");
    const again = (everyMs: number, label: string, happen: () => void): void => {
      if (!Number.isFinite(everyMs)) return;
      this.scheduler.after(random.int(1, 2 * everyMs), label, () => {
        if (this.healed) return;
        happen();
        again(everyMs, label, happen);
      });
    };
    const { everyMs } = faults;
    const { scheduler } = this;
    const any = (): SimNode | undefined => (this.nodes.length === 1 ? this.node : random.pick(this.nodes));
    const later = (minMs: number, maxMs: number, label: string, fn: () => void): void => {
      scheduler.after(random.int(minMs, maxMs), label, fn);
    };
    again(everyMs.crash, "fault crash", () => {
      const node = any();
      node?.crash();
      later(0, 3_000, "process starts", () => node?.start());
    });
    again(everyMs.restart, "fault restart", () => {
      const node = any();
      void node?.stop().then(() => later(0, 1_000, "process starts", () => node.start()));
    });
    again(everyMs.partition, "fault partition", () => {
      this.network.cut();
      later(100, 5_000, "partition heals", () => this.network.heal());
    });
    again(everyMs.full, "fault disk full", () => {
      this.store.isFull = true;
      later(100, 3_000, "disk has room", () => {
        this.store.isFull = false;
      });
    });
    again(everyMs.clock, "fault clock", () => {
      const clock = any()?.clock ?? this.clock;
      clock.offsetMs += random.int(-20_000, 20_000);
    });
    if (this.nodes.length > 1) this.#injectClusterFaults(again);
    again(everyMs.evict, "fault evict", () => {
      const node = any();
      const awake = [...(node?.directory?.instances() ?? [])];
      if (awake.length > 0) void node?.directory?.sleep(random.pick(awake).id);
    });
  }

  /** Faults that only several nodes have. */
  #injectClusterFaults(again: (everyMs: number, label: string, happen: () => void) => void): void {
    const random = this.random("cluster faults");
    const { scheduler, links, nodes } = this;
    links.faults = { delayMs: random.int(1, 100), lost: random.chance(0.5) ? 0 : 0.05 * random.unit() };
    const every = (minMs: number, maxMs: number): number =>
      random.chance(0.3) ? Number.POSITIVE_INFINITY : random.int(minMs, maxMs);
    again(every(5_000, 30_000), "fault freeze", () => {
      const node = random.pick(nodes);
      node.freeze();
      scheduler.after(random.int(100, 20_000), "process continues", () => node.thaw());
    });
    again(every(5_000, 30_000), "fault link", () => {
      const [from, to] = [random.pick(nodes).name, random.pick(nodes).name];
      if (from === to) return;
      links.cut(from, to);
      if (random.chance(0.5)) links.cut(to, from);
      scheduler.after(random.int(100, 15_000), "links heal", () => links.heal());
    });
    again(every(5_000, 30_000), "fault cut off", () => {
      const node = random.pick(nodes);
      node.cutOff(true);
      scheduler.after(random.int(100, 15_000), "store reachable", () => node.cutOff(false));
    });
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
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
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
  "gateway.shutting_down",
  "queue.delivery_pending",
]);

/** Time for the last faults to take effect: the longest delay of store and network. */
const faultDrainMs = 30_000;
