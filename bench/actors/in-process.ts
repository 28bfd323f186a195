/** Calls within the process: calls that only read, and calls that commit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemPorts, systemRandom, uuidv7 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { callFor, counter, type Round } from "../internal/counter.ts";
import {
  ensure,
  type Floor,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { type Ceiling, measureDurableCeiling } from "./store.ts";

function open(path: string) {
  const ports = systemPorts();
  return createRegistry({ use: { counter }, ports, store: () => openSqliteStore({ path, ports }) });
}

export type CounterRegistry = ReturnType<typeof open>;

/** Runs `use` with a registry in a temporary directory, then removes both. `reopen` restarts the registry on the same store. */
export async function withRegistry<T>(
  use: (registry: CounterRegistry, reopen: () => Promise<CounterRegistry>) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  let registry = open(join(directory, "store"));
  const reopen = async (): Promise<CounterRegistry> => {
    await registry.shutdown();
    registry = open(join(directory, "store"));
    return registry;
  };
  try {
    return await use(registry, reopen);
  } finally {
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  }
}

const detail = (rounds: readonly Round[]): string =>
  `${least(rounds.map((round) => round.cpuMicros)).toFixed(1)} us CPU`;
const best = (rounds: readonly Round[]): number => most(rounds.map((round) => round.perSecond));

async function measureCalls(): Promise<Outcome> {
  const callers = 64;
  return withRegistry(async ({ client }) => {
    const handle = client.counter.getOrCreate("bench");
    ensure((await handle.increment(2)) === 2 && (await handle.get()) === 2, "a call gave a wrong result");
    const calls = Array.from({ length: callers }, () => () => handle.get());
    const { actor: samples } = await interleave({ actor: () => callFor(calls) });
    ensure((await handle.get()) === 2, "a call changed something");
    return {
      figures: [{ name: "actor", value: best(samples), unit: "/s", detail: detail(samples) }],
      floors: [
        { name: "calls in process", value: best(samples), limit: 200_000, unit: "/s", better: "more" },
      ],
      samples,
    };
  });
}

/** A disk that syncs slowly limits the store too: then the floor follows the ceiling of the same run. */
const commitFloor = { perSecond: 50_000, ofCeiling: 0.8 } as const;

async function measureCommits(): Promise<Outcome> {
  const inFlight = 256;
  return withRegistry(async ({ client }, reopen) => {
    const handles = Array.from({ length: inFlight }, (_, n) => client.counter.getOrCreate(String(n)));
    await Promise.all(handles.map((handle) => handle.increment(1)));
    let calls = inFlight;
    const round = async (): Promise<Round> => {
      const result = await callFor(handles.map((handle) => () => handle.increment(1)));
      calls += result.calls;
      return result;
    };
    const samples = await interleave({
      actors: round,
      ceiling: () => measureDurableCeiling({ inFlight, durationMs: roundMs }),
    });
    const again = (await reopen()).client;
    const counts = await Promise.all(handles.map((_, n) => again.counter.get(String(n)).get()));
    ensure(counts.reduce((sum, count) => sum + count, 0) === calls, "a commit was lost or done twice");
    const value = best(samples.actors);
    const ceiling = most(samples.ceiling.map((each) => each.perSecond));
    const cpu = least(samples.ceiling.map((each) => each.cpuMicros)).toFixed(1);
    const limit = Math.min(commitFloor.perSecond, commitFloor.ofCeiling * ceiling);
    return {
      figures: [
        { name: "actors", value, unit: "/s", detail: detail(samples.actors) },
        { name: "ceiling", value: ceiling, unit: "/s", detail: `${cpu} us CPU` },
      ],
      floors: [{ name: "durable commits", value, limit, unit: "/s", better: "more" }],
      samples,
    };
  });
}

/** Turns that wait for the same sync share a commit, so that one actor does more calls than the store does commits. */
const hotFloor = { ofCeiling: 1.6, aloneOfCeiling: 0.8 } as const;

function floor(name: string, value: number, limit: number): Floor {
  return { name, value, limit, unit: "/s", better: "more" };
}

/** One actor under load compared with as many actors of one caller each, by keyed calls, each with its own record. */
async function measureHotActor(): Promise<Outcome> {
  const callers = 32;
  return withRegistry(async ({ client }, reopen) => {
    const handles = Array.from({ length: callers }, (_, n) => client.counter.getOrCreate(String(n)));
    const hot = client.counter.getOrCreate("hot");
    await Promise.all([hot, ...handles].map((handle) => handle.increment(1)));
    let calls = callers + 1;
    const round = async (targets: readonly (typeof hot)[]): Promise<Round> => {
      const keyed = { name: "increment", args: [1] } as const;
      const increment = (handle: typeof hot) => () =>
        handle.action({ ...keyed, idempotencyKey: uuidv7(systemClock, systemRandom) }) as Promise<number>;
      const result = await callFor(targets.map(increment));
      calls += result.calls;
      return result;
    };
    const samples = await interleave({
      hot: () => round(Array.from({ length: callers }, () => hot)),
      spread: () => round(handles),
      hotAlone: () => round([hot]),
      ceilingAlone: () => measureDurableCeiling({ inFlight: 1, durationMs: roundMs }),
      ceiling: () => measureDurableCeiling({ inFlight: callers, durationMs: roundMs }),
    });
    const again = (await reopen()).client;
    const counts = [
      await again.counter.get("hot").get(),
      ...(await Promise.all(handles.map((_, n) => again.counter.get(String(n)).get()))),
    ];
    ensure(counts.reduce((sum, count) => sum + count, 0) === calls, "a commit was lost or done twice");
    const ceiling = (rounds: readonly Ceiling[]): number => most(rounds.map((each) => each.perSecond));
    const value = best(samples.hot);
    const alone = best(samples.hotAlone);
    return {
      figures: [
        { name: "one actor", value, unit: "/s", detail: detail(samples.hot) },
        { name: "32 actors", value: best(samples.spread), unit: "/s", detail: detail(samples.spread) },
        { name: "ceiling", value: ceiling(samples.ceiling), unit: "/s" },
        { name: "one caller", own: true, value: alone, unit: "/s", detail: detail(samples.hotAlone) },
        { name: "ceiling, one caller", own: true, value: ceiling(samples.ceilingAlone), unit: "/s" },
      ],
      floors: [
        floor("calls of a hot actor", value, hotFloor.ofCeiling * ceiling(samples.ceiling)),
        floor("calls of one caller", alone, hotFloor.aloneOfCeiling * ceiling(samples.ceilingAlone)),
      ],
      samples,
    };
  });
}

/** An event that ended its turn would make the result of its action a second commit: 0.55 of the rate. */
const announcedFloor = { ofSilent: 0.85 } as const;

/** An action that changes its state and sends an event, compared with one that only changes it: each is one commit. */
async function measureEvents(): Promise<Outcome> {
  return withRegistry(async ({ client }) => {
    const [loud, silent] = [client.counter.getOrCreate("loud"), client.counter.getOrCreate("silent")];
    const connection = loud.connect();
    let heard = 0;
    connection.on("changed", () => {
      heard++;
    });
    // Over the connection: its subscription is there by then.
    await connection.get();
    let announced = 0;
    const samples = await interleave({
      loud: async () => {
        const result = await callFor([() => loud.announce(1)]);
        announced += result.calls;
        return result;
      },
      silent: () => callFor([() => silent.increment(1)]),
    });
    // Over the connection, too: its answer follows the last event.
    ensure((await connection.get()) === announced, "a commit was lost or done twice");
    ensure(heard === announced, `${heard} of ${announced} events were heard`);
    await connection.dispose();
    const value = best(samples.loud);
    const without = best(samples.silent);
    return {
      figures: [
        { name: "with an event", value, unit: "/s", detail: detail(samples.loud) },
        { name: "without", value: without, unit: "/s", detail: detail(samples.silent) },
      ],
      floors: [floor("commits with an event", value, announcedFloor.ofSilent * without)],
      samples,
    };
  });
}

export const events: Scenario = { name: "commit-with-event", run: measureEvents };
export const hotActor: Scenario = { name: "hot-actor-32", run: measureHotActor };
export const inProcess: Scenario = { name: "in-process", run: measureCalls };
export const commits: Scenario = { name: "commits-256", run: measureCommits };
