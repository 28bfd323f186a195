import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "holdfast/client";
import type { BenchRegistry } from "./program.ts";

/** Nothing may outlive the benchmark. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A node in a process of its own. */
export interface NodeProcess {
  readonly url: string;
  readonly pid: number;
  /** Processor time that it has used, in microseconds. */
  cpuMicros(): Promise<number>;
  kill(): Promise<void>;
  /** Ends it with SIGTERM: it hands over its actors first. */
  stop(): Promise<void>;
}

export async function startNode(name: string, store: string, ttlMs = 10_000): Promise<NodeProcess> {
  const data = mkdtempSync(join(tmpdir(), "holdfast-bench-node-"));
  const child = fork(new URL("program.ts", import.meta.url).pathname, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: {
      ...process.env,
      BENCH_TTL_MS: String(ttlMs),
      HOLDFAST_STORE: store,
      HOLDFAST_DATA: data,
      HOLDFAST_NODE: name,
      HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
      HOLDFAST_CLUSTER_SECRET: "the secret of the benchmarks",
    },
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const [{ url }] = (await once(child, "message")) as [{ readonly url: string }];
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    rmSync(data, { recursive: true, force: true });
  };
  return {
    ...{ url, pid: child.pid ?? 0 },
    cpuMicros: () => cpuMicros(child),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}

async function cpuMicros(child: ChildProcess): Promise<number> {
  const answered = once(child, "message") as Promise<[{ readonly cpuMicros: number }]>;
  child.send("cpu");
  return (await answered)[0].cpuMicros;
}

export function clientOf(node: NodeProcess) {
  return createClient<BenchRegistry>(node.url);
}

/** Keys of counters that this node runs. */
export async function keysAt(node: NodeProcess, count: number): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let at = 0; keys.length < count; at++) {
    const key = `bench-${at}`;
    if ((await clientOf(node).counter.getOrCreate([key]).process()) === node.pid) keys.push(key);
  }
  return keys;
}
