/**
 * What an idle awake actor without a database costs. The instances themselves, with a store that keeps
 * nothing of its own for them, so that what is measured is the runtime.
 */
import { type ActorHost, type ActorInstance, type ActorStore, actor, createInstance } from "@holdfast/actors";
import { systemPorts, uuidv7 } from "@holdfast/core";
import { ensure, type Outcome, type Scenario } from "../internal/scenario.ts";

const count = Number(process.env["BENCH_ACTORS"] ?? "10000");
const floorBytes = 1_024;

const counter = actor({ state: { count: 0 }, actions: { add: (c, by: number) => (c.state.count += by) } });

/** Takes everything and remembers nothing. */
const store = {
  commit: () => Promise.resolve(),
  kvGet: () => Promise.resolve(undefined),
  kvList: () => Promise.resolve([]),
  call: () => Promise.resolve(undefined),
} as unknown as ActorStore;

function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("it needs --expose-gc");
  for (let i = 0; i < 4; i++) gc();
  return process.memoryUsage().heapUsed;
}

const ports = systemPorts();
const host: ActorHost = { ports, store, client: () => ({}), report: () => {} };

async function start(total: number, called: boolean): Promise<ActorInstance[]> {
  const made: ActorInstance[] = [];
  for (let i = 0; i < total; i++) {
    const id = uuidv7(ports.clock, ports.random);
    const options = { definition: counter, id, name: "counter", key: [id], epoch: 1, host } as const;
    const instance = createInstance({ ...options, start: { type: "create" } });
    await instance.ready;
    if (called) await instance.invoke({ name: "add", args: [1] });
    made.push(instance);
  }
  return made;
}

async function bytesEach(called: boolean): Promise<number> {
  const before = heapBytes();
  const kept = await start(count, called);
  // What a start leaves on the event loop is gone by then.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const bytes = (heapBytes() - before) / kept.length;
  ensure(kept.length === count, "not all were started");
  return bytes;
}

async function measure(): Promise<Outcome> {
  await start(100, true);
  const idle = await bytesEach(false);
  const called = await bytesEach(true);
  return {
    figures: [
      { name: "never called", value: idle, unit: "bytes", detail: `${count} of them` },
      { name: "called once", own: true, value: called, unit: "bytes" },
    ],
    floors: [{ name: "an idle awake actor", value: idle, limit: floorBytes, unit: "bytes", better: "less" }],
    samples: { idle, called },
  };
}

export const memory: Scenario = { name: "memory", execArgv: ["--expose-gc"], run: measure };
