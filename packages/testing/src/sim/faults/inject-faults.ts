import type { MemoryClusterStore } from "../../store/memory-cluster-store.ts";
import type { SimLinks } from "../cluster/links.ts";
import type { SimNetwork } from "../network.ts";
import type { SimNode } from "../node.ts";
import type { Scheduler, SimClock } from "../scheduler.ts";
import type { SeededRandom } from "../seeded.ts";
import type { SimStore } from "../store.ts";
import {
  chooseClusterFaults,
  chooseFaults,
  type Faults,
  leaseFaultMs,
  lossMs,
  withoutDisruptions,
} from "./faults.ts";

/** The world as faults see it. */
export interface FaultTarget {
  readonly scheduler: Scheduler;
  readonly store: SimStore;
  readonly network: SimNetwork;
  readonly links: SimLinks;
  readonly clock: SimClock;
  readonly nodes: readonly SimNode[];
  readonly hasPlannedMovesOnly: boolean;
  /** True in runs with many faults that end leases. */
  readonly testsLeases: boolean;
  readonly losesChanges: boolean;
  readonly leases: MemoryClusterStore | undefined;
  readonly hasNextRelease: boolean;
  /** True once faults have to stop. */
  readonly healed: boolean;
  random(name: string): SeededRandom;
  note(text: string): void;
  /** Called when actors lose what is in memory only. */
  disrupted(why: string): void;
}

/** Starts faults that a single node has, too. */
export function injectFaults(world: FaultTarget, faults: Faults): void {
  world.note(`faults ${JSON.stringify(faults)}`);
  const { scheduler, store, network, nodes } = world;
  store.faults = faults.store;
  network.faults = faults.network;
  const random = world.random("events");
  const again = repeater(world, random);
  const { everyMs } = faults;
  const any = (): SimNode | undefined => (nodes.length === 1 ? nodes[0] : random.pick(nodes));
  const later = (minMs: number, maxMs: number, label: string, fn: () => void): void => {
    scheduler.after(random.int(minMs, maxMs), label, fn);
  };
  again(everyMs.crash, "fault crash", () => {
    const node = any();
    world.disrupted("crash");
    node?.crash();
    later(0, 3_000, "process starts", () => node?.start());
  });
  again(everyMs.restart, "fault restart", () => {
    const node = any();
    void node?.stop().then(() => later(0, 1_000, "process starts", () => node.start()));
  });
  again(everyMs.partition, "fault partition", () => {
    network.cut();
    later(100, 5_000, "partition heals", () => network.heal());
  });
  again(everyMs.full, "fault disk full", () => {
    store.isFull = true;
    later(100, 3_000, "disk has room", () => {
      store.isFull = false;
    });
  });
  again(everyMs.clock, "fault clock", () => {
    const clock = any()?.clock ?? world.clock;
    clock.offsetMs += random.int(-20_000, 20_000);
  });
  again(everyMs.evict, "fault evict", () => {
    const node = any();
    const awake = [...(node?.directory?.instances() ?? [])];
    if (awake.length > 0) void node?.directory?.sleep(random.pick(awake).id);
  });
}

/** Starts faults of several nodes: in some runs only those that hand over actors in good order. */
export function injectClusterFaults(world: FaultTarget, given: Faults | undefined): void {
  const chosen = given ?? chooseFaults(world.random("faults"));
  const isPlanned = world.hasPlannedMovesOnly;
  const { testsLeases } = world;
  const never = Number.POSITIVE_INFINITY;
  const often = (everyMs: number): number => (testsLeases ? leaseFaultMs : isPlanned ? never : everyMs);
  // A platform that suspends its machines sets their clocks when they continue, and at no other time.
  const suspends = world.random("suspensions").chance(0.4);
  const clock = suspends ? never : testsLeases ? leaseFaultMs : chosen.everyMs.clock;
  const faults = { ...chosen, everyMs: { ...chosen.everyMs, clock } };
  injectFaults(world, isPlanned ? withoutDisruptions(faults) : faults);
  const { scheduler, links, nodes } = world;
  const random = world.random("cluster faults");
  const { links: linkFaults, everyMs } = chooseClusterFaults(random);
  links.faults = linkFaults;
  const again = repeater(world, random);
  again(often(everyMs.freeze), "fault freeze", () => {
    const node = random.pick(nodes);
    world.disrupted("freeze");
    if (suspends) node.suspend();
    else node.freeze();
    scheduler.after(random.int(100, 20_000), "process continues", () => node.thaw());
  });
  again(everyMs.link, "fault link", () => {
    const [from, to] = [random.pick(nodes).name, random.pick(nodes).name];
    if (from === to) return;
    links.cut(from, to);
    if (random.chance(0.5)) links.cut(to, from);
    scheduler.after(random.int(100, 15_000), "links heal", () => links.heal());
  });
  again(often(everyMs.cutOff), "fault cut off", () => {
    const node = random.pick(nodes);
    world.disrupted("cut off");
    node.cutOff(true);
    scheduler.after(random.int(100, 15_000), "store reachable", () => node.cutOff(false));
  });
  again(everyMs.drain, "fault drain", () => {
    const node = random.pick(nodes);
    node.drain();
    // Later than the slowest store call: the request must not reach the next process.
    scheduler.after(random.int(10_000, 20_000), "drained node restarts", () => {
      void node
        .stop()
        .then(() => scheduler.after(random.int(0, 1_000), "process starts", () => node.start()));
    });
  });
  if (world.losesChanges) loseChanges(world, world.random("lost changes"));
  if (world.hasNextRelease) upgradeNodes(world, world.random("upgrade"));
}

/**
 * Loses the last changes of sessions and leases, as a standby does that is promoted without them. Nodes that have seen
 * them refuse to serve until somebody restarts them.
 */
function loseChanges(world: FaultTarget, random: SeededRandom): void {
  const { scheduler, leases, nodes } = world;
  repeater(world, random)(lossMs, "fault standby stays behind", () => {
    const lose = leases?.snapshot();
    scheduler.after(random.int(500, 8_000), "fault standby is promoted", () => {
      world.disrupted("lost changes");
      lose?.();
      scheduler.after(random.int(10_000, 20_000), "all nodes restart", () => {
        for (const node of nodes) {
          node.crash();
          scheduler.after(random.int(0, 1_000), "process starts", () => node.start());
        }
      });
    });
  });
}

/** Upgrades one node after the other, as long as there are faults: a cluster of two releases remains in some runs. */
function upgradeNodes(world: FaultTarget, random: SeededRandom): void {
  const { scheduler, nodes } = world;
  const upgrade = (at: number): void => {
    const node = nodes[at];
    if (node === undefined || world.healed) return;
    const restart = (): void => {
      node.upgrade();
      node.start();
      scheduler.after(random.int(1_000, 10_000), "next node is upgraded", () => upgrade(at + 1));
    };
    void node.stop().then(() => scheduler.after(random.int(0, 1_000), "upgraded process starts", restart));
  };
  scheduler.after(random.int(1_000, 40_000), "fault upgrade", () => upgrade(0));
}

/** Calls a function again and again, at random intervals with this average. */
function repeater(
  world: FaultTarget,
  random: SeededRandom,
): (everyMs: number, label: string, happen: () => void) => void {
  const again = (everyMs: number, label: string, happen: () => void): void => {
    if (!Number.isFinite(everyMs)) return;
    world.scheduler.after(random.int(1, 2 * everyMs), label, () => {
      if (world.healed) return;
      happen();
      again(everyMs, label, happen);
    });
  };
  return again;
}
