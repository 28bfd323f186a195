/** Nodes as processes of their own, over one database. */

import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";

export interface NodeOptions {
  readonly store: string;
  /** Runs the process, such as one that enters a namespace first. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A running node. */
export interface TestNode {
  readonly url: string;
  readonly name: string;
  readonly pid: number;
  /** URL of its database. */
  readonly store: string;
  readonly process: ChildProcess;
  /** What it has written to its error output. */
  readonly log: () => string;
  kill(signal: NodeJS.Signals): void;
  /** Asks the process to end; resolves when it has. */
  stop(): Promise<void>;
}

/** Nothing may outlive the tests. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export const secret = "the secret of the cluster tests";

/** Starts a node, and waits until it is ready. */
export async function startNode(
  name: string,
  { store, command = [], env = {} }: NodeOptions,
): Promise<TestNode> {
  const data = mkdtempSync(join(tmpdir(), "holdfast-node-"));
  removeAtExit(data);
  const [execPath = process.execPath, ...execArgv] = [...command, process.execPath, ...ownImports];
  const child = fork(new URL("node.ts", import.meta.url).pathname, {
    ...{ execPath, execArgv },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      ...process.env,
      HOLDFAST_STORE: store,
      HOLDFAST_DATA: data,
      HOLDFAST_NODE: name,
      HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
      HOLDFAST_CLUSTER_SECRET: secret,
      ...env,
    },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const started = once(child, "message") as Promise<[{ readonly url: string }]>;
  const [message] = await Promise.race([
    started,
    exited.then(([code]) => {
      throw new Error(`The node ${name} ended with code ${code} before it was ready:\n${log}`);
    }),
  ]);
  running.add(child);
  void exited.then(() => running.delete(child));
  return {
    url: message.url,
    name,
    ...{ pid: child.pid ?? 0, store },
    process: child,
    log: () => log,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export async function startNodes(count: number, options: NodeOptions): Promise<readonly TestNode[]> {
  const names = Array.from({ length: count }, (_, at) => `node-${at + 1}`);
  const nodes = await Promise.all(names.map((name) => startNode(name, options)));
  await eventually("each node has its share", () => haveShared(nodes));
  return nodes;
}

/** True once these nodes, and no others, know of each other and have handed over what others should hold. */
export async function haveShared(nodes: readonly TestNode[]): Promise<true | undefined> {
  const settled = await Promise.all(
    nodes.map(async (node) => {
      const metrics = await metricsOf(node);
      const seen = numberIn(metrics, /^holdfast_cluster_nodes\{state="serving"\} (\d+)$/m);
      return seen === nodes.length && numberIn(metrics, /^holdfast_cluster_shards_leaving (\d+)$/m) === 0;
    }),
  );
  return settled.every(Boolean) ? true : undefined;
}

/** The number that a node's metrics have where the pattern's group is; 0 without one. */
export async function metricOf(node: TestNode, pattern: RegExp): Promise<number> {
  return numberIn(await metricsOf(node), pattern);
}

async function metricsOf(node: TestNode): Promise<string> {
  return (await fetch(`${node.url}/metrics`)).text();
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

export function clientOf(node: TestNode) {
  return createClient<ClusterRegistry>(node.url);
}

let keys = 0;

/** A new key whose counter this node serves. */
export async function keyAt(node: TestNode): Promise<string> {
  for (;;) {
    const key = `at-${node.name}-${++keys}`;
    if ((await clientOf(node).counter.getOrCreate([key]).process()) === node.pid) return key;
  }
}

/** Runs the `holdfast` command; returns its output. Throws with its error output. */
export async function runCli(args: readonly string[]): Promise<string> {
  const main = new URL("../../packages/holdfast/src/cli/main.ts", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [...ownImports, main, ...args]);
  return stdout;
}

/** Waits until `check` returns a value; it is called again and again. Fails after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
