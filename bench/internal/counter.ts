/** A durable counter, and callers that load it for a round. */
import { performance } from "node:perf_hooks";
import { actor, event } from "@holdfast/actors";
import { roundMs } from "./scenario.ts";

export const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
    /** As `increment`, and tells the connections. */
    announce: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
  },
});

export interface Round {
  readonly calls: number;
  readonly perSecond: number;
  /** CPU time of one call in microseconds, all threads. */
  readonly cpuMicros: number;
}

/** Runs one loop per caller for a round: each starts its next call when the previous one returns. */
export async function callFor(callers: readonly (() => Promise<number>)[]): Promise<Round> {
  let calls = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const until = started + roundMs;
  const one = async (call: () => Promise<number>): Promise<void> => {
    while (performance.now() < until) {
      await call();
      calls++;
    }
  };
  await Promise.all(callers.map(one));
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, perSecond: calls / seconds, cpuMicros: (user + system) / calls };
}
