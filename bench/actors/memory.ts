/**
 * Memory of an idle awake actor without a database. Measures the instances alone, with a store that retains nothing,
 * and the same actors in a registry, including their entries among the loaded actors and the stored outcome of a call.
 */

import { type ActorHost, type ActorInstance, type ActorStore, actor, createInstance } from "@holdfast/actors";
import { systemPorts, uuidv7 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { encodeSnapshot } from "../../packages/actors/src/internal/state/patch.ts";
import { ensure, type Outcome, type Scenario } from "../internal/scenario.ts";

const count = Number(process.env["BENCH_ACTORS"] ?? "10000");
const floorBytes = 1_024;

const counter = actor({ state: { count: 0 }, actions: { add: (c, by: number) => (c.state.count += by) } });

/** Accepts every commit and stores nothing. */
const store = {
  commit: () => Promise.resolve(),
  kvGet: () => Promise.resolve(undefined),
  kvList: () => Promise.resolve([]),
  call: () => Promise.resolve(undefined),
  find: () => Promise.resolve(undefined),
  due: () => Promise.resolve([]),
  close: () => Promise.resolve(),
} as unknown as ActorStore;

/** Heap size after pending work of the event loop has run and garbage is collected. */
async function heapBytes(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("it needs --expose-gc");
  for (let i = 0; i < 4; i++) gc();
  return process.memoryUsage().heapUsed;
}

const ports = systemPorts();
const host: ActorHost = { ports, store, client: () => ({}), report: () => {} };

/** Data as a store would return it: one snapshot of the state. */
async function wake(total: number, called: boolean): Promise<ActorInstance[]> {
  const snapshot = encodeSnapshot({ count: 0 });
  const made: ActorInstance[] = [];
  for (let i = 0; i < total; i++) {
    const id = uuidv7(ports.clock, ports.random);
    const record = { id, name: "counter", key: [id], epoch: 2, version: 1, createdAt: ports.clock.now() };
    const loaded = { record, state: { snapshot, patches: [] } };
    const options = { definition: counter, id, name: "counter", key: record.key, epoch: 2, host } as const;
    const instance = createInstance({ ...options, start: { type: "wake", loaded } });
    await instance.ready;
    if (called) await instance.invoke({ name: "add", args: [1] });
    made.push(instance);
  }
  return made;
}

type Start = (total: number, called: boolean) => Promise<unknown[]>;

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

const registry = createRegistry({ use: { counter }, ports, store: () => store });
let used = 0;

/** Retains only what a caller would: the keys of the actors. */
async function startInRegistry(total: number, called: boolean): Promise<string[]> {
  const keys: string[] = [];
  for (let i = 0; i < total; i++) {
    const key = `${++used}`;
    const handle = registry.client.counter.getOrCreate(key);
    if (called) await handle.add(1);
    else await handle.resolve();
    keys.push(key);
  }
  return keys;
}

async function bytesEach(begin: Start, called: boolean): Promise<number> {
  const before = await heapBytes();
  const kept = await begin(count, called);
  const bytes = ((await heapBytes()) - before) / kept.length;
  ensure(kept.length === count, "some actors did not start");
  return bytes;
}

async function measure(): Promise<Outcome> {
  await start(100, true);
  const idle = await bytesEach(start, false);
  const called = await bytesEach(start, true);
  await wake(100, true);
  const woken = await bytesEach(wake, true);
  await startInRegistry(5_000, true);
  const inRegistry = await bytesEach(startInRegistry, false);
  const calledInRegistry = await bytesEach(startInRegistry, true);
  return {
    figures: [
      { name: "never called", value: idle, unit: "bytes", detail: `${count} of them` },
      { name: "called once", own: true, value: called, unit: "bytes" },
      { name: "woken, called once", own: true, value: woken, unit: "bytes" },
      { name: "in a registry", own: true, value: inRegistry, unit: "bytes" },
      { name: "called there", own: true, value: calledInRegistry, unit: "bytes" },
    ],
    floors: [{ name: "an idle awake actor", value: idle, limit: floorBytes, unit: "bytes", better: "less" }],
    samples: { idle, called, woken, inRegistry, calledInRegistry },
  };
}

export const memory: Scenario = { name: "memory", execArgv: ["--expose-gc"], run: measure };
