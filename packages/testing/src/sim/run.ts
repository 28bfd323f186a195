import { forbidAmbient } from "./ambient.ts";
import type { Plant } from "./plants.ts";
import { allWorkloads } from "./workloads/index.ts";
import { SimFailure, type Workload, World } from "./world.ts";

export interface SimOptions {
  readonly seed: string;
  readonly plant?: Plant | undefined;
  /** Names of workloads; the seed chooses unless given. */
  readonly workloads?: readonly string[] | undefined;
  /** Lines of the trace that the outcome carries: 200. */
  readonly keepLines?: number;
}

export interface SimOutcome {
  readonly seed: string;
  readonly failure: Error | undefined;
  /** The same for every run of a seed. */
  readonly hash: string;
  readonly steps: number;
  readonly commits: number;
  readonly workloads: readonly string[];
  readonly lines: readonly string[];
}

/** After healing, everything that was begun ends within so long. */
const healBoundMs = 20 * 60_000;

/** One run: workloads under faults, healing, and a look at everything. Never throws for what it finds. */
export async function simulate(options: SimOptions): Promise<SimOutcome> {
  const { seed, plant, keepLines = 200 } = options;
  const world = new World({ seed, plant, keepLines });
  const unhandled = (error: unknown): void => world.fail(error);
  process.on("unhandledRejection", unhandled);
  const allowAmbient = forbidAmbient((error) => world.fail(error));
  let names: readonly string[] = [];
  try {
    const workloads = choose(world, options.workloads);
    names = workloads.map(({ name }) => name);
    await live(world, workloads);
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

/** Runs a seed twice: what differs between the two comes from outside of the simulation. */
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

function choose(world: World, names: readonly string[] | undefined): Workload[] {
  const unknown = names?.find((asked) => !allWorkloads.some(({ name }) => name === asked));
  if (unknown !== undefined) throw new RangeError(`There is no workload "${unknown}"`);
  const random = world.random("workloads");
  const chosen = allWorkloads.filter(({ name }) => names === undefined || names.includes(name));
  if (names !== undefined) return chosen.map(({ make }) => make(world));
  const first = random.pick(chosen);
  return chosen.filter((each) => each === first || random.chance(0.12)).map(({ make }) => make(world));
}

async function live(world: World, workloads: readonly Workload[]): Promise<void> {
  world.note(`workloads ${workloads.map(({ name }) => name).join(" ")}`);
  world.start(workloads);
  world.breakThings();
  for (const { name, clients } of workloads) {
    for (const [index, client] of clients.entries()) world.spawn(`${name} ${index}`, client);
  }
  await world.elapse(faultsMs);
  world.heal();
  // A process that was about to end when everything was healed ends first.
  await world.run("clients end after healing", () => world.running === 0, healBoundMs);
  if (world.failure !== undefined) return;
  world.note("check");
  for (const workload of workloads) world.spawn(`check ${workload.name}`, () => workload.check());
  await world.run("checks end", () => world.running === 0, healBoundMs);
  if (world.failure !== undefined) return;
  await end(world);
}

/** How long things go wrong. */
const faultsMs = 60_000;

/** Nobody asks for anything any more: nothing is left. */
async function end(world: World): Promise<void> {
  const { network, store, node, scheduler } = world;
  await world.client.dispose();
  await world.elapse(5_000);
  world.assert(network.underWay === 0, () => `${network.underWay} requests are still under way`);
  world.assert(network.connections === 0, () => `${network.connections} connections are still open`);
  let stopped = false;
  void node?.stop().then(() => {
    stopped = true;
  });
  await world.run("shutdown", () => stopped, 120_000);
  // Whatever is cancelled, or comes too late to matter, passes.
  await world.elapse(120_000);
  world.assert(store.underWay === 0, () => `${store.underWay} store calls never came back`);
  world.assert(scheduler.pending === 0, () => `still to come: ${scheduler.labels().slice(0, 10).join(", ")}`);
}
