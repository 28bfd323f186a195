/** A node of the cluster benchmarks as a process of its own. It tells its URL, and its processor time when asked. */
import { actor, setup } from "holdfast";

export const counter = actor({
  state: { count: 0 },
  actions: {
    add: (c) => ++c.state.count,
    process: () => process.pid,
  },
});

export type BenchRegistry = import("holdfast").Registry<{ counter: typeof counter }>;

if (process.send !== undefined) {
  const ttlMs = Number(process.env["BENCH_TTL_MS"] ?? 10_000);
  const registry = setup({ use: { counter }, noWelcome: true, httpPort: 0, cluster: { ttlMs } });
  const { url } = await registry.start();
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system });
  });
  process.send({ url });
}
