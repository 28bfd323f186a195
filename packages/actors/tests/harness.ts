import type {
  ActorHost,
  ActorInstance,
  ActorStore,
  AnyDefinition,
  CommitBatch,
  ConnectionSink,
  OutgoingEvent,
} from "@holdfast/actors";
import { createInstance } from "@holdfast/actors";
import { decodeValue, type Ports, silentLogger, systemTasks, type Timer } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { type ManualClock, manualClock } from "@holdfast/testing";

/** A clock that tests advance; macrotasks are real. */
export interface TestPorts extends Ports {
  /** Changing it directly simulates a clock jump: timers do not run. */
  readonly clock: ManualClock;
  /** Advances the time and runs due timers in order. */
  advance(ms: number): void;
  readonly pendingTimers: number;
}

export function testPorts(): TestPorts {
  const clock = manualClock();
  const timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  /** The monotonic time of timers. */
  let elapsed = 0;
  const advanceTo = (to: number): void => {
    clock.advance(Math.max(0, to - elapsed));
    elapsed = Math.max(elapsed, to);
  };
  let counter = 0;
  return {
    clock,
    random: {
      bytes: (length) => {
        const bytes = new Uint8Array(length);
        new DataView(bytes.buffer).setUint32(length - 4, ++counter);
        return bytes;
      },
    },
    log: silentLogger,
    tasks: {
      macrotask: systemTasks.macrotask,
      after: (delayMs, fn): Timer => {
        const timer = { at: elapsed + delayMs, fn };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
    advance(ms) {
      const until = elapsed + ms;
      while (true) {
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        timers.delete(next);
        advanceTo(next.at);
        next.fn();
      }
      advanceTo(until);
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

interface HeldCommit {
  readonly batch: CommitBatch;
  land(): void;
  fail(error: Error): void;
}

/** A store whose commits become durable on demand, once `hold` is set. */
export interface ControlledStore extends ActorStore {
  hold: boolean;
  readonly commits: CommitBatch[];
  readonly held: HeldCommit[];
  reads: number;
}

export function controlledStore(ports: Ports): ControlledStore {
  const inner = createMemoryStore({ ports });
  const store: ControlledStore = {
    hold: false,
    commits: [],
    held: [],
    reads: 0,
    find: (name, key) => inner.find(name, key),
    get: (id) => inner.get(id),
    list: (query) => inner.list(query),
    count: (filter) => inner.count(filter),
    acquire: (id) => inner.acquire(id),
    due: (now, limit, after) => inner.due(now, limit, after),
    databases: inner.databases,
    blobs: inner.blobs,
    history: inner.history,
    close: () => inner.close(),
    kvGet: (id, key) => {
      store.reads++;
      return inner.kvGet(id, key);
    },
    kvList: (id, range) => inner.kvList(id, range),
    call: (id, key) => {
      store.reads++;
      return inner.call(id, key);
    },
    commit(batch) {
      store.commits.push(batch);
      const applied = inner.commit(batch);
      if (!store.hold) return applied;
      applied.catch(() => {});
      return new Promise((resolve, reject) => {
        store.held.push({ batch, land: () => void applied.then(resolve, reject), fail: reject });
      });
    },
  };
  return store;
}

export interface World {
  readonly ports: TestPorts;
  readonly store: ControlledStore;
  readonly reported: unknown[];
  readonly gates: Promise<void>[];
  /** Implements `c.fetch`; none by default. */
  fetch?: NonNullable<ActorHost["fetch"]>;
  create(definition: AnyDefinition, input?: unknown, id?: string): ActorInstance;
  wake(definition: AnyDefinition, id?: string): Promise<ActorInstance>;
}

/** A host of single instances. */
export function world(): World {
  const ports = testPorts();
  const store = controlledStore(ports);
  const reported: unknown[] = [];
  const gates: Promise<void>[] = [];
  const host: ActorHost = {
    ports,
    store,
    report: (_id: string, error: unknown) => void reported.push(error),
    fetch: (input, init) =>
      testWorld.fetch === undefined ? Promise.reject(new Error("no fetch")) : testWorld.fetch(input, init),
    client: (caller: { gate(): Promise<void> }) => ({
      call: (sent: () => void) => {
        const gate = caller.gate().then(sent);
        gates.push(gate);
        return gate;
      },
    }),
  };
  const options = (definition: AnyDefinition, id: string) => ({
    definition,
    id,
    name: "test",
    key: [id],
    host,
  });
  const testWorld: World = {
    ports,
    store,
    reported,
    gates,
    create: (definition, input, id = "a") =>
      createInstance({ ...options(definition, id), epoch: 1, start: { type: "create", input } }),
    wake: async (definition, id = "a") => {
      const loaded = await store.acquire(id);
      return createInstance({
        ...options(definition, id),
        epoch: loaded.record.epoch,
        start: { type: "wake", loaded },
      });
    },
  };
  return testWorld;
}

/** Calls an action and decodes its result. */
export async function call(instance: ActorInstance, name: string, ...args: unknown[]): Promise<unknown> {
  return decodeValue(await instance.invoke({ name, args }));
}

export function callWithKey(
  instance: ActorInstance,
  key: string,
  name: string,
  ...args: unknown[]
): Promise<unknown> {
  return instance.invoke({ name, args, idempotencyKey: key }).then((bytes) => decodeValue(bytes));
}

export interface TestSink extends ConnectionSink {
  readonly seen: unknown[];
  readonly events: OutgoingEvent[];
}

/** Records the output of a connection. */
export function testSink(): TestSink {
  const seen: unknown[] = [];
  const events: OutgoingEvent[] = [];
  return {
    seen,
    events,
    open: () => void seen.push("open"),
    send: (event) => {
      events.push(event);
      seen.push([event.name, ...(decodeValue(event.args) as unknown[])]);
    },
    close: (code, reason) => void seen.push([code, reason]),
  };
}

/** Runs microtasks and one round of macrotasks. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** "pending" unless the promise settles within a few macrotasks. */
export async function outcome(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  promise.then(
    () => (state = "resolved"),
    () => (state = "rejected"),
  );
  await turn();
  await turn();
  return state;
}

/** A promise with its resolvers. */
export function deferred<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}
