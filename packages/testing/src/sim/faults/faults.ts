/** Faults of a run: which, how often, and when. */
import type { SeededRandom } from "../seeded.ts";

/** Fault rates of one run: probabilities per call, unless stated otherwise. */
export interface Faults {
  readonly store: {
    /** `store.unavailable`: nothing was applied. */
    readonly before: number;
    /** `store.indeterminate`: it was applied. */
    readonly after: number;
    /** `store.indeterminate`: it is applied after the error, or never. */
    readonly limbo: number;
    readonly slow: number;
    readonly slowMs: number;
    readonly delayMs: number;
  };
  readonly network: {
    readonly delayMs: number;
    readonly lostRequest: number;
    readonly lostReply: number;
    readonly duplicate: number;
    /** Cuts of a connection, per frame. */
    readonly cut: number;
  };
  /** Average milliseconds between two; infinite for never. */
  readonly everyMs: {
    readonly crash: number;
    readonly restart: number;
    readonly partition: number;
    readonly full: number;
    readonly clock: number;
    readonly evict: number;
  };
}

/** Fault rates that only several nodes have. */
export interface ClusterFaults {
  readonly links: { readonly delayMs: number; readonly lost: number };
  /** Average milliseconds between two; infinite for never. */
  readonly everyMs: {
    /** A process notices nothing for a while, longer than its lease or not. */
    readonly freeze: number;
    /** Two nodes cannot reach each other, in one direction or both. */
    readonly link: number;
    /** A node cannot reach the store. */
    readonly cutOff: number;
    /** A node is asked to hand over its actors, and restarted later. */
    readonly drain: number;
  };
}

export const noFaults: Faults = {
  store: { before: 0, after: 0, limbo: 0, slow: 0, slowMs: 0, delayMs: 3 },
  network: { delayMs: 5, lostRequest: 0, lostReply: 0, duplicate: 0, cut: 0 },
  everyMs: {
    crash: Number.POSITIVE_INFINITY,
    restart: Number.POSITIVE_INFINITY,
    partition: Number.POSITIVE_INFINITY,
    full: Number.POSITIVE_INFINITY,
    clock: Number.POSITIVE_INFINITY,
    evict: Number.POSITIVE_INFINITY,
  },
};

/** Chooses the rates of one run: most kinds of fault are rare or absent, a few are frequent. */
export function chooseFaults(random: SeededRandom): Faults {
  const rate = (max: number): number => (random.chance(0.5) ? 0 : max * random.unit() ** 2);
  const every = (minMs: number, maxMs: number): number =>
    random.chance(0.4) ? Number.POSITIVE_INFINITY : random.int(minMs, maxMs);
  return {
    store: {
      before: rate(0.05),
      after: rate(0.05),
      limbo: rate(0.02),
      slow: rate(0.1),
      slowMs: random.int(100, 5_000),
      delayMs: random.int(1, 30),
    },
    network: {
      delayMs: random.int(1, 200),
      lostRequest: rate(0.1),
      lostReply: rate(0.1),
      duplicate: rate(0.1),
      cut: rate(0.05),
    },
    everyMs: {
      crash: every(1_000, 20_000),
      restart: every(5_000, 40_000),
      partition: every(3_000, 30_000),
      full: every(5_000, 40_000),
      clock: every(5_000, 40_000),
      evict: every(300, 10_000),
    },
  };
}

export function chooseClusterFaults(random: SeededRandom): ClusterFaults {
  const links = { delayMs: random.int(1, 100), lost: random.chance(0.5) ? 0 : 0.05 * random.unit() };
  const every = (minMs: number, maxMs: number): number =>
    random.chance(0.3) ? Number.POSITIVE_INFINITY : random.int(minMs, maxMs);
  return {
    links,
    everyMs: {
      freeze: every(5_000, 30_000),
      link: every(5_000, 30_000),
      cutOff: every(5_000, 30_000),
      drain: every(10_000, 40_000),
    },
  };
}

/** The same rates without faults that lose what is in memory only: what remains must not interrupt any connection. */
export function withoutDisruptions(faults: Faults): Faults {
  const { everyMs, store, network } = faults;
  const never = Number.POSITIVE_INFINITY;
  return {
    store: { ...noFaults.store, delayMs: store.delayMs },
    network,
    everyMs: { ...everyMs, crash: never, full: never, restart: Math.min(everyMs.restart, 20_000) },
  };
}

/** Average milliseconds between losses of changes, in runs that have them. */
export const lossMs = 15_000;

/** Average milliseconds between freezes, cut-offs from the store and clock jumps, in runs that test leases. */
export const leaseFaultMs = 4_000;
