import { forbidAmbient } from "./ambient.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { allWorkloads, clusterWorkloads } from "./workloads/index.ts";
import { SimFailure, type Workload, World } from "./world.ts";

export interface SimOptions {
  readonly seed: string;
  readonly plant?: PlantedBug | undefined;
  /** Names of workloads. Default: chosen by the seed. */
  readonly workloads?: readonly string[] | undefined;
  /** Number of nodes. Default: 1, without a cluster. */
  readonly nodes?: number | undefined;
  /** Many faults that end leases: freezes, nodes without a store, clock jumps. Default: as the seed says. */
  readonly testsLeases?: boolean | undefined;
  /** The store of the leases loses its last changes now and then, and all nodes are restarted. Default: false. */
  readonly losesChanges?: boolean | undefined;
  /** Trace lines in the outcome. Default: 200. */
  readonly keepLines?: number;
}

export interface SimOutcome {
  readonly seed: string;
  readonly failure: Error | undefined;
  /** Same for every run of a seed. */
  readonly hash: string;
  readonly steps: number;
  readonly commits: number;
  readonly workloads: readonly string[];
  readonly lines: readonly string[];
}

/** After healing, everything in flight must end within this time. */
const healBoundMs = 20 * 60_000;

/**
 * Runs one simulation: workloads under faults, healing, and a check of all invariants. Returns failures instead of
 * throwing them.
 */
export async function simulate(options: SimOptions): Promise<SimOutcome> {
  const { seed, plant, keepLines = 200, nodes, testsLeases, losesChanges } = options;
  const world = new World({ seed, plant, keepLines, nodes, testsLeases, losesChanges });
  const unhandled = (error: unknown): void => world.fail(error);
  process.on("unhandledRejection", unhandled);
  const allowAmbient = forbidAmbient((error) => world.fail(error));
  let names: readonly string[] = [];
  try {
    const workloads = chooseWorkloads(world, options.workloads, nodes ?? 1);
    names = workloads.map(({ name }) => name);
    await runWorkloads(world, workloads);
  } catch (error) {
    world.fail(error);
  } finally {
    allowAmbient();
    process.off("unhandledRejection", unhandled);
  }
  const { failure, trace, scheduler, ledger } = world;
  const lines = trace.lines;
  return {
    seed,
    failure,
    hash: trace.digest(),
    steps: scheduler.steps,
    commits: ledger.commits,
    workloads: names,
    lines,
  };
}

/** Runs a seed twice. Any difference means nondeterminism from outside the simulation. */
export async function simulateTwice(options: SimOptions): Promise<SimOutcome> {
  const first = await simulate(options);
  const second = await simulate(options);
  if (first.hash === second.hash) return first;
  const at = first.lines.findIndex((line, index) => line !== second.lines[index]);
  const failure = new SimFailure(
    `two runs of one seed differ: "${first.lines[at]}" and "${second.lines[at]}" (${first.steps} and ${second.steps} steps)`,
  );
  return { ...first, failure: first.failure ?? failure };
}

function chooseWorkloads(world: World, names: readonly string[] | undefined, nodes: number): Workload[] {
  const forCluster = nodes === 1 ? [] : clusterWorkloads;
  const known = [...allWorkloads, ...forCluster];
  const unknown = names?.find((requested) => !known.some(({ name }) => name === requested));
  if (unknown !== undefined) throw new RangeError(`There is no workload "${unknown}" for ${nodes} nodes`);
  if (names !== undefined)
    return known.filter(({ name }) => names.includes(name)).map(({ make }) => make(world));
  const random = world.random("workloads");
  const first = random.pick(allWorkloads);
  const chosen = allWorkloads.filter((each) => each === first || random.chance(0.12));
  // Drawn apart, so that kept seeds keep their workloads.
  const added = forCluster.filter(({ name }) => world.random(`workload ${name}`).chance(0.12));
  return [...chosen, ...added].map(({ make }) => make(world));
}

async function runWorkloads(world: World, workloads: readonly Workload[]): Promise<void> {
  world.note(`workloads ${workloads.map(({ name }) => name).join(" ")}`);
  world.start(workloads);
  world.injectFaults();
  for (const { name, clients } of workloads) {
    for (const [index, client] of clients.entries()) world.spawn(`${name} ${index}`, client);
  }
  await world.elapse(faultsMs);
  world.heal();
  // A shutdown that was in progress at the time of healing ends first.
  await world.run("clients end after healing", () => world.running === 0, healBoundMs);
  if (world.failure !== undefined) return;
  world.note("check");
  for (const workload of workloads) world.spawn(`check ${workload.name}`, () => workload.check());
  world.spawn("check nodes", () =>
    world.eventually("every node serves actors", 600_000, () => world.nodes.every((node) => node.isReady)),
  );
  await world.run("checks end", () => world.running === 0, healBoundMs);
  if (world.failure !== undefined) return;
  await checkNothingLeft(world);
}

/** Duration of the faults. */
const faultsMs = 60_000;

/** Checks that nothing is left once all clients have ended. */
async function checkNothingLeft(world: World): Promise<void> {
  const { network, store, nodes, links, scheduler } = world;
  await world.client.dispose();
  await world.elapse(5_000);
  world.assert(network.inFlight === 0, () => `${network.inFlight} requests are still under way`);
  world.assert(network.connections === 0, () => `${network.connections} connections are still open`);
  let stopped = 0;
  for (const node of nodes) void node.retire().then(() => stopped++);
  await world.run("shutdown", () => stopped === nodes.length, 120_000);
  // Lets cancelled and outdated events pass.
  await world.elapse(120_000);
  world.assert(links.inFlight === 0, () => `${links.inFlight} requests between nodes never ended`);
  world.assert(store.inFlight === 0, () => `${store.inFlight} store calls never returned`);
  world.assert(
    scheduler.pending === 0,
    () => `events are still pending: ${scheduler.labels().slice(0, 10).join(", ")}`,
  );
}
