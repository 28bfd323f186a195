import type { ClientDriver } from "@holdfast/client";
import {
  type ClusterMember,
  LinkLost,
  type LocalDriver,
  type NodeAddress,
  type Wakeups,
} from "@holdfast/server";
import type { Scheduler } from "../scheduler.ts";
import type { SeededRandom } from "../seeded.ts";
import type { ProcessGate } from "./process-gate.ts";

/** A process of a node, as other nodes reach it. */
export interface LinkedProcess {
  readonly incarnation: number;
  readonly gate: ProcessGate;
  readonly member: ClusterMember;
  readonly driver: LocalDriver;
  readonly wakeups: Wakeups;
}

interface Exchange {
  readonly from: string;
  readonly to: string;
  fail(): void;
}

export interface LinkFaults {
  readonly delayMs: number;
  readonly lost: number;
}

/** The network between the nodes: requests are delayed and lost, and pairs of nodes are cut off one way or both. */
export class SimLinks {
  /** Where actors were found first, for the planted bug that never looks again. */
  readonly foundFirst = new Map<string, NodeAddress>();
  faults: LinkFaults = { delayMs: 5, lost: 0 };
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #processes = new Map<string, LinkedProcess>();
  readonly #exchanges = new Set<Exchange>();
  /** Directions in which nothing passes: `from>to`. */
  readonly #cut = new Set<string>();

  constructor(scheduler: Scheduler, random: SeededRandom) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  up(node: string, process: LinkedProcess): void {
    this.#processes.set(node, process);
  }

  /** The process has crashed, or ended: its peers notice. */
  down(node: string): void {
    this.#processes.delete(node);
    for (const exchange of [...this.#exchanges]) {
      if (exchange.to === node || exchange.from === node) exchange.fail();
    }
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The process of a node, if a request could reach it now. */
  reachable(from: string, to: string): LinkedProcess | undefined {
    return this.#isCut(from, to) || this.#isCut(to, from) ? undefined : this.#processes.get(to);
  }

  /** Fails the requests to nodes that have left. */
  retain(from: string, nodes: readonly string[]): void {
    for (const exchange of [...this.#exchanges]) {
      if (exchange.from === from && !nodes.includes(exchange.to)) exchange.fail();
    }
  }

  /** Delivers a wake-up never, once or twice, each time after a delay of its own. */
  wake(from: string, to: string, message: string): void {
    for (let copies = this.#random.int(0, 2); copies > 0; copies--) {
      this.#scheduler.after(this.#delayMs(), "wake-up", () => {
        const process = this.#processes.get(to);
        if (process === undefined || this.#isCut(from, to)) return;
        process.gate.run(() => void process.wakeups.receive(message));
      });
    }
  }

  /** Runs `send` at the other node. Throws `LinkLost`. */
  exchange<T>(
    from: string,
    to: string,
    label: string,
    send: (process: LinkedProcess) => Promise<T>,
  ): Promise<T> {
    const scheduler = this.#scheduler;
    return new Promise((resolve, reject) => {
      let sent = false;
      const own = this.#processes.get(from);
      const end = (settle: () => void): void => {
        if (!this.#exchanges.delete(exchange)) return;
        if (own !== undefined) own.gate.run(settle);
      };
      const lost = (): void =>
        end(() => reject(new LinkLost(sent, new Error("The link is broken (simulated)"))));
      const exchange: Exchange = { from, to, fail: lost };
      this.#exchanges.add(exchange);
      const reply = (settle: () => void): void => {
        scheduler.after(this.#delayMs(), `link reply ${label}`, () => {
          if (this.#isCut(to, from) || this.#random.chance(this.faults.lost)) this.#notice(lost);
          else end(settle);
        });
      };
      scheduler.after(this.#delayMs(), `link ${label}`, () => {
        const process = this.#processes.get(to);
        // A closed port is noticed at once, a broken line later.
        if (process === undefined) return lost();
        if (this.#isCut(from, to) || this.#random.chance(this.faults.lost)) return this.#notice(lost);
        sent = true;
        process.gate.run(() => {
          send(process).then(
            (value) => reply(() => resolve(value)),
            (error: unknown) => reply(() => reject(error)),
          );
        });
      });
    });
  }

  #notice(lost: () => void): void {
    this.#scheduler.after(this.#random.int(100, 5_000), "link timeout", lost);
  }

  #isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  #delayMs(): number {
    return this.#random.skewed(this.faults.delayMs);
  }
}

/** Encodes as every node does. */
export type Codec = Pick<ClientDriver, "prepare" | "prepareArgs" | "prepareSend">;
