/**
 * What an idle awake actor without a database costs: `node --expose-gc bench/actor-memory.ts`. The
 * instances themselves, with a store that keeps nothing of its own for them, so that what is
 * measured is the runtime.
 */
import { type ActorHost, type ActorStore, actor, createInstance } from "@holdfast/actors";
import { systemPorts, uuidv7 } from "@holdfast/core";

const count = Number(process.env["BENCH_ACTORS"] ?? "10000");
const floorBytes = 3_000;

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
  if (gc === undefined) throw new Error("run it with --expose-gc");
  for (let i = 0; i < 4; i++) gc();
  return process.memoryUsage().heapUsed;
}

const ports = systemPorts();
const host: ActorHost = { ports, store, client: () => ({}), report: () => {} };

async function start(total: number): Promise<object[]> {
  const made: object[] = [];
  for (let i = 0; i < total; i++) {
    const id = uuidv7(ports.clock, ports.random);
    const instance = createInstance({
      definition: counter,
      id,
      name: "counter",
      key: [id],
      epoch: 1,
      start: { type: "create" },
      host,
    });
    await instance.ready;
    made.push(instance);
  }
  return made;
}

await start(100);
const before = heapBytes();
const kept = await start(count);
// What a start leaves on the event loop is gone by then.
await new Promise((resolve) => setTimeout(resolve, 50));
const bytes = (heapBytes() - before) / kept.length;
console.log(
  `an idle awake actor: ${bytes.toFixed(0)} bytes of heap (floor ${floorBytes}), ${kept.length} of them`,
);
process.exit(bytes > floorBytes ? 1 : 0);
