import { actor, event, queue } from "@holdfast/actors";
import { Loop, workflow } from "@holdfast/actors/workflow";
import { forbidAmbient } from "./ambient.ts";
import { SimFailure, type Workload, World } from "./world.ts";

/** Resource usage at one time. None of it may grow with time. */
export interface Sample {
  readonly hour: number;
  /** Living actors. */
  readonly actors: number;
  /** Actors in memory. */
  readonly awake: number;
  /** Key-value entries and records of all living actors. */
  readonly entries: number;
  readonly entryBytes: number;
  /** Bytes of snapshots and the patches after them. */
  readonly stateBytes: number;
  readonly timers: number;
  readonly clientTimers: number;
  readonly connections: number;
  readonly held: number;
  readonly requests: number;
}

export interface DayOutcome {
  readonly failure: Error | undefined;
  readonly samples: readonly Sample[];
  readonly steps: number;
  readonly commits: number;
}

const minute = 60_000;
const hour = 60 * minute;

/** Runs actors with all kinds of background work, and clients that come and go, for `hours` of virtual time. */
export async function simulateDay(seed: string, hours = 24): Promise<DayOutcome> {
  const world = new World({ seed, plant: undefined, keepLines: 100 });
  const allowAmbient = forbidAmbient((error) => world.fail(error));
  const samples: Sample[] = [];
  try {
    world.start([day(world, hours)]);
    for (let at = 1; at <= hours && world.failure === undefined; at++) {
      // Restarts the process every few hours; the actors continue in the next one.
      if (at % 6 === 0) {
        world.node?.crash();
        await world.elapse(2_000);
        world.node?.start();
      }
      await world.elapse(hour - (at % 6 === 0 ? 2_000 : 0));
      samples.push(await sample(world, at));
    }
    if (world.failure === undefined) findGrowth(world, samples);
  } catch (error) {
    world.fail(error);
  } finally {
    allowAmbient();
  }
  const { failure, scheduler, ledger } = world;
  return { failure, samples, steps: scheduler.steps, commits: ledger.commits };
}

async function sample(world: World, at: number): Promise<Sample> {
  const { data } = world.store;
  const { actors } = await data.list({ limit: 10_000 });
  let entries = 0;
  let entryBytes = 0;
  let stateBytes = 0;
  for (const { id } of actors) {
    const all = await data.kvList(id, { start: new Uint8Array(0), limit: 1_000_000 });
    entries += all.length;
    for (const { key, value } of all) entryBytes += key.length + value.length;
    for await (const part of (await data.history.image(id)).parts) {
      if (part.type === "snapshot" || part.type === "patch") stateBytes += part.bytes.length;
    }
  }
  const { node, network } = world;
  return {
    hour: at,
    actors: actors.length,
    awake: node?.directory?.size ?? 0,
    entries,
    entryBytes,
    stateBytes,
    timers: node?.timers ?? 0,
    clientTimers: world.clientTimers,
    connections: network.connections,
    held: node?.directory?.hibernating.size ?? 0,
    requests: network.inFlight,
  };
}

/** Largest state of one actor: a snapshot and the patches before the next one. */
const maxStateBytes = 40_000;

/** Sizes are stable after the first quarter, so that the last quarter must not exceed it. */
function findGrowth(world: World, samples: readonly Sample[]): void {
  const quarter = Math.floor(samples.length / 4);
  const settled = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(-quarter);
  const state = Math.max(...last.map((each) => each.stateBytes / each.actors));
  world.assert(state <= maxStateBytes, () => `${state} bytes of state in each actor`);
  const names = [
    "actors",
    "awake",
    "entries",
    "entryBytes",
    "timers",
    "clientTimers",
    "connections",
    "held",
    "requests",
  ] as const;
  for (const name of names) {
    const before = Math.max(...settled.map((each) => each[name]));
    const after = Math.max(...last.map((each) => each[name]));
    // Histories grow and shrink with compaction.
    const allowed = name.startsWith("entr") ? before * 1.25 + 5 : before + 3;
    world.assert(after <= allowed, () => `${name} grew from ${before} to ${after}`);
  }
}

function day(world: World, hours: number): Workload {
  const random = world.random("day");
  const until = world.scheduler.time + hours * hour;
  const clock = actor({
    state: { ticks: 0 },
    onCreate: async (c) => {
      await c.cron.every({ name: "often", interval: 5 * minute, action: "tick", maxHistory: 10 });
      await c.cron.set({ name: "sharp", expression: "7 * * * *", action: "tick", maxHistory: 10 });
    },
    actions: { tick: (c) => ++c.state.ticks, look: (c) => c.state.ticks },
  });
  const worker = actor({
    state: { done: 0 },
    queues: { jobs: queue<{ n: number }, unknown>() },
    run: async (c) => {
      for await (const job of c.queue.iter({ names: ["jobs"], completable: true })) {
        c.state.done++;
        await job.complete(job.body.n);
      }
    },
  });
  const flow = actor({
    state: { rounds: 0 },
    run: workflow(async (ctx) => {
      await ctx.loop("for ever", async (loop) => {
        await loop.sleep("pause", 10 * minute);
        await loop.step("count", (step) => void step.state.rounds++);
        return Loop.continue(undefined);
      });
    }),
    actions: { look: (c) => c.state.rounds },
  });
  const room = actor({
    state: { said: 0 },
    events: { said: event<[n: number]>() },
    actions: {
      say: (c) => {
        c.state.said++;
        c.broadcast("said", c.state.said);
      },
    },
  });
  const mayfly = actor({ actions: { hello: () => "hello", end: (c) => c.destroy() } });
  const { client } = world;

  const again = (name: string, everyMs: number, work: () => Promise<void>): void => {
    world.spawn(name, async () => {
      while (world.scheduler.time < until) {
        await world.pause(random.int(1, 2 * everyMs));
        try {
          await work();
        } catch (error) {
          // The process was down longer than a client retries.
          world.note(`${name}: ${String(error)}`);
        }
      }
    });
  };
  let sent = 0;
  again("jobs", 3 * minute, async () => {
    const handle = client.getOrCreate("worker", "w");
    if (++sent % 2 === 0) await handle.send("jobs", { n: sent });
    else await handle.send("jobs", { n: sent }, { wait: true, timeout: minute });
  });
  again("words", 2 * minute, async () => {
    await client.getOrCreate("room", "r").action({ name: "say" });
  });
  again("listeners", 20 * minute, async () => {
    const conn = client.getOrCreate("room", "r").connect();
    const stop = conn.on("said", () => undefined);
    await conn.ready;
    await world.pause(15 * minute);
    stop();
    await conn.dispose();
  });
  again("mayflies", 10 * minute, async () => {
    const handle = client.getOrCreate("mayfly", String(random.int(0, 1_000_000)));
    await handle.action({ name: "hello" });
    await handle.action({ name: "end" });
  });
  world.spawn("first", async () => {
    await world.pause(1);
    await client.getOrCreate("clock", "c").action({ name: "look" });
    await client.getOrCreate("flow", "f").action({ name: "look" });
    const longLived = client.getOrCreate("room", "r").connect();
    const stop = longLived.on("said", () => undefined);
    await world.pause((hours - 0.5) * hour);
    stop();
    const ticks = Number(await client.getOrCreate("clock", "c").action({ name: "look" }));
    const rounds = Number(await client.getOrCreate("flow", "f").action({ name: "look" }));
    const due = hours * 13;
    if (ticks < due - 20 || ticks > due)
      throw new SimFailure(`${ticks} ticks in ${hours} h, about ${due} were due`);
    if (rounds < hours * 5) throw new SimFailure(`${rounds} rounds in ${hours} h`);
  });
  return {
    name: "day",
    definitions: { clock, worker, flow, room, mayfly },
    clients: [],
    check: async () => undefined,
  };
}
