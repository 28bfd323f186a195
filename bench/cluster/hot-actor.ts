/**
 * One actor under load on PostgreSQL, compared with as many actors of one caller each. Turns that wait for the same
 * commit share it, so that the hot actor is not bound to one transaction a turn.
 */
import { systemClock, systemPorts, systemRandom, uuidv7 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { callFor, counter, type Round } from "../internal/counter.ts";
import {
  ensure,
  type Figure,
  interleave,
  least,
  most,
  type Outcome,
  type Scenario,
} from "../internal/scenario.ts";
import { startNodes } from "./node.ts";

const callers = 32;
/** How much more a hot actor does than as many single ones. */
const hotFactor = 1.6;

async function measure(): Promise<Outcome> {
  const nodes = await startNodes(1);
  const [store] = nodes.stores;
  if (store === undefined) throw new Error("There is no store");
  const registry = createRegistry({ use: { counter }, ports: systemPorts(), store: async () => store });
  try {
    const handles = Array.from({ length: callers }, (_, n) => registry.client.counter.getOrCreate(String(n)));
    const hot = registry.client.counter.getOrCreate("hot");
    await Promise.all([hot, ...handles].map((handle) => handle.increment(1)));
    let calls = 1;
    const increment = (handle: typeof hot) => () =>
      handle.action({
        ...{ name: "increment", args: [1] },
        idempotencyKey: uuidv7(systemClock, systemRandom),
      }) as Promise<number>;
    const hotRound = async (count: number): Promise<Round> => {
      const round = await callFor(Array.from({ length: count }, () => increment(hot)));
      calls += round.calls;
      return round;
    };
    const samples = await interleave(
      {
        hot: () => hotRound(callers),
        single: () => callFor(handles.map(increment)),
        hotAlone: () => hotRound(1),
        singleAlone: () => callFor(handles.slice(0, 1).map(increment)),
      },
      6,
    );
    ensure((await hot.get()) === calls, "a commit was lost or done twice");
    const rate = (name: keyof typeof samples): number => most(samples[name].map((round) => round.perSecond));
    const figure = (name: string, key: keyof typeof samples): Figure => ({
      ...{ name, value: rate(key), unit: "/s", own: true },
      detail: `${least(samples[key].map((round) => round.cpuMicros)).toFixed(1)} us CPU`,
    });
    return {
      figures: [
        figure("one actor, 32 callers", "hot"),
        figure("32 actors", "single"),
        figure("one caller", "hotAlone"),
      ],
      floors: [
        {
          ...{ name: "hot actor, of single ones", unit: "times", better: "more" },
          ...{ value: rate("hot") / rate("single"), limit: hotFactor },
        },
      ],
      samples,
    };
  } finally {
    await registry.shutdown();
    await nodes.close();
  }
}

export const hotActor: Scenario = { name: "hot-actor-32", run: measure };
