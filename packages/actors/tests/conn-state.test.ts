import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeValue, HoldfastError, isErrorCode, type StandardSchema } from "@holdfast/core";
import {
  type ActorConnection,
  type ActorInstance,
  type AnyDefinition,
  actor,
  type ConnectionMemory,
  type ConnectionSink,
  createInstance,
  event,
} from "../src/index.ts";
import {
  connectionIdOf,
  connectionKey,
  decodeConnection,
  encodeConnection,
} from "../src/internal/connections/connection-records.ts";
import { call, type TestSink, testSink, turn, world } from "./harness.ts";

/** A sink whose host keeps the connection while the actor sleeps. */
function keepingSink(): TestSink & { memory?: ConnectionMemory; connection?: ActorConnection } {
  const sink: TestSink & ConnectionSink & { memory?: ConnectionMemory; connection?: ActorConnection } = {
    ...testSink(),
    hibernate: (memory) => {
      sink.memory = memory;
      sink.seen.push("asleep");
    },
    awake: (connection) => {
      sink.connection = connection;
      sink.seen.push("awake");
    },
  };
  return sink;
}

const log: string[] = [];
const definition = actor({
  state: { n: 0 },
  createConnState: (_c, params: { name: string }) => ({
    name: params.name,
    when: new Date(0),
    tags: new Set<string>(),
  }),
  events: { note: event<string>() },
  onWake: (c) => void log.push(`wake ${[...c.conns.values()].map((conn) => conn.state.name)}`),
  onConnect: (_c, conn) => void log.push(`connect ${conn.state.name}`),
  onDisconnect: (_c, conn) => void log.push(`disconnect ${conn.state.name}`),
  actions: {
    tag: (c, tag: string) => {
      c.conn.state.tags.add(tag);
      c.conn.state.when.setTime(5);
    },
    tags: (c) => [...c.conn.state.tags, c.conn.state.when.getTime()],
    bad: (c) => {
      c.conn.state.name = (() => "no") as never;
    },
    note: (c, text: string) => c.broadcast("note", text),
  },
});

const wakeWith = async (
  w: ReturnType<typeof world>,
  sinks: readonly {
    readonly id: string;
    readonly sink: ReturnType<typeof keepingSink>;
    readonly isLost: boolean;
  }[],
  of: AnyDefinition = definition,
): Promise<ActorInstance> => {
  const loaded = await w.store.acquire("a");
  return createInstance({
    definition: of,
    id: "a",
    name: "test",
    key: ["a"],
    host: { ports: w.ports, store: w.store, report: () => undefined, client: () => ({}) } as never,
    epoch: loaded.record.epoch,
    start: {
      type: "wake",
      loaded,
      held: sinks.map(({ id, sink, isLost }) => ({
        id,
        sink,
        isLost,
        memory: sink.memory ?? { subscriptions: [], rooms: [] },
      })),
    },
  });
};

test("the state of a connection commits with its turn and survives a sleep", async () => {
  const w = world();
  log.length = 0;
  const instance = w.create(definition);
  const [ann, bob, eve] = [keepingSink(), keepingSink(), keepingSink()];
  const a = await instance.connect({ params: { name: "ann" } }, ann);
  const b = await instance.connect({ params: { name: "bob" } }, bob);
  const e = await instance.connect({ params: { name: "eve" } }, eve);
  void a.subscribe("note");
  void b.subscribe("note");
  await instance.invoke({ name: "tag", args: ["red"], conn: a });
  await assert.rejects(instance.invoke({ name: "bad", args: [], conn: a }), (error) =>
    isErrorCode(error, "actor", "invalid_state_value"),
  );
  b.lose();
  assert.equal(await instance.sleep(), "slept");
  assert.deepEqual(ann.seen, ["open", "asleep"]);
  assert.deepEqual(ann.memory, { subscriptions: ["note"], rooms: [] });
  // Eve leaves while the actor sleeps; bob's connection broke earlier and he may return.
  const woken = await wakeWith(w, [
    { id: a.id, sink: ann, isLost: false },
    { id: b.id, sink: bob, isLost: true },
  ]);
  await woken.ready;
  await turn();
  assert.deepEqual(log, [
    "wake ",
    "connect ann",
    "connect bob",
    "connect eve",
    "disconnect bob",
    "wake ann",
    "disconnect eve",
  ]);
  const restored = ann.connection ?? assert.fail("ann is not back");
  assert.deepEqual(decodeValue(await woken.invoke({ name: "tags", args: [], conn: restored })), ["red", 5]);
  await woken.invoke({ name: "note", args: ["hello"], conn: restored });
  assert.deepEqual(ann.seen, ["open", "asleep", "awake", ["note", "hello"]]);
  assert.deepEqual(bob.seen, ["open", "asleep", "awake", ["note", "hello"]], "kept for whom it may concern");
  restored.close();
  assert.equal(await woken.destroy(), "destroyed");
  assert.equal(e.id.length > 0, true);
});

test("idle connections that can hibernate let the actor sleep, others keep it awake", async () => {
  const w = world();
  const first = w.create(definition, undefined, "a");
  await first.connect({ params: { name: "ann" } }, keepingSink());
  w.ports.advance(30_000);
  assert.equal(await first.stopped, "slept");
  const second = w.create(definition, undefined, "b");
  const stays = await second.connect({ params: { name: "bob" } }, testSink());
  w.ports.advance(300_000);
  await turn();
  assert.equal(second.status, "ready");
  stays.close();
  await turn();
  w.ports.advance(30_000);
  assert.equal(await second.stopped, "slept");
});

test("parameters are validated before all hooks, synchronously or asynchronously", async () => {
  const seen: unknown[] = [];
  const schema: StandardSchema<unknown, { n: number }> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: async (value) =>
        typeof value === "string" ? { value: { n: value.length } } : { issues: [{ message: "no text" }] },
    },
  };
  const checked = actor({
    connParamsSchema: schema,
    onBeforeConnect: (_c, params) => void seen.push(params),
    actions: { n: (c) => c.conn.params.n },
  });
  const w = world();
  const instance = w.create(checked);
  assert.equal((await instance.connect({ params: "four" }, testSink())).id.length > 0, true);
  const refused = (error: unknown): boolean => isErrorCode(error, "actor", "validation_error");
  await assert.rejects(instance.connect({ params: 4 }, testSink()), refused);
  await assert.rejects(instance.invoke({ name: "n", args: [], params: 4 }), refused);
  assert.equal(decodeValue(await instance.invoke({ name: "n", args: [], params: "three" })), 5);
  assert.deepEqual(seen, [{ n: 4 }, { n: 5 }]);
});

test("format 1 of connection records", () => {
  const record = {
    params: { name: "ann" },
    state: { n: 1n, at: new Date(0) },
    auth: undefined,
    subscriptions: ["said"],
    rooms: ["red"],
    presence: [null],
  };
  // Written by version 1; never changes.
  const golden = "0186a1646e616d6563616e6ea2616ec24101626174d99e3600f7816473616964816372656481f6";
  const bytes = encodeConnection(record);
  assert.equal(Buffer.from(bytes).toString("hex"), golden);
  assert.deepEqual(decodeConnection(new Uint8Array(Buffer.from(golden, "hex"))), record);
  assert.equal(connectionIdOf(connectionKey("a-b-1")), "a-b-1");
  assert.throws(
    () => decodeConnection(new Uint8Array([2, 0x80])),
    (error) => isErrorCode(error, "store", "unknown_format"),
  );
  assert.throws(
    () => decodeConnection(new Uint8Array([1, 0x01])),
    (error) => isErrorCode(error, "store", "unknown_format"),
  );
});

test("the record of a connection is deleted in the turn of its onDisconnect, even if something is sent before", async () => {
  const w = world();
  const hall = actor({
    state: { left: [] as string[] },
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    onConnect: (c, conn) => c.presence.set(conn, conn.state.name),
    onDisconnect: (c, conn) => void c.state.left.push(conn.state.name),
  });
  const instance = w.create(hall, undefined, "a");
  await instance.connect({ params: { name: "bob" } }, keepingSink());
  const watcher = keepingSink();
  void (await instance.connect({ params: { name: "cid" } }, watcher)).subscribe("$presence");
  const connection = await instance.connect({ params: { name: "ann" } }, keepingSink());
  await turn();
  const before = w.store.commits.length;
  connection.close();
  await turn();
  await turn();
  assert.ok(watcher.seen.some((each) => Array.isArray(each) && each[1] === "left"));
  const key = Uint8Array.of(0, ...connectionKey(connection.id));
  const removing = w.store.commits
    .slice(before)
    .filter(({ kv }) => kv?.some((each) => each.type === "delete" && Buffer.compare(each.key, key) === 0));
  assert.equal(removing.length, 1);
  assert.ok(removing[0]?.state !== undefined, "what onDisconnect wrote is in the same commit");
});

test("the state of a one-call connection is not checked after the call", async () => {
  const w = world();
  let looks = 0;
  const busy = actor({
    state: { n: 0 },
    run: (c) => new Promise<void>((resolve) => c.abortSignal.addEventListener("abort", () => resolve())),
    actions: {
      look: (c) => {
        void c.conn.state;
        Object.assign(c.conn, { checkLeaves: () => void looks++ });
      },
      add: (c) => ++c.state.n,
    },
  });
  const instance = w.create(busy);
  await call(instance, "look");
  const during = looks;
  assert.equal(await call(instance, "add"), 1);
  assert.equal(looks, during);
});

test("presence changes during a transaction are announced even if it fails", async () => {
  const w = world();
  const hall = actor({
    actions: {
      here: (c, id: string) => c.presence.set(id, "here"),
      fail: (c, id: string, leave: () => void) =>
        c.transaction(async () => {
          c.presence.set(id, "busy");
          leave();
          await turn();
          throw new Error("undone");
        }),
      present: (c) => [...c.presence.all.values()],
    },
  });
  const instance = w.create(hall, undefined, "a");
  const watcher = keepingSink();
  const stays = await instance.connect({}, watcher);
  const leaves = await instance.connect({}, testSink());
  for (const { id } of [stays, leaves]) await call(instance, "here", id);
  void stays.subscribe("$presence");
  await turn();
  watcher.seen.length = 0;
  await assert.rejects(call(instance, "fail", stays.id, () => leaves.close()));
  await turn();
  assert.deepEqual(watcher.seen, [
    ["$presence", "set", stays.id, "busy"],
    ["$presence", "left", leaves.id],
  ]);
  assert.deepEqual(await call(instance, "present"), ["busy"]);
});

test("a failed actor does not report the disconnections that follow; its next instance does", async () => {
  const w = world();
  const told: string[] = [];
  const hall = actor({
    state: { n: 0 },
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    onDisconnect: (c, conn) => {
      c.state.n++;
      told.push(conn.state.name);
    },
    actions: { add: (c) => ++c.state.n },
  });
  const instance = w.create(hall, undefined, "a");
  const sink = keepingSink();
  let connection: ActorConnection | undefined;
  // Like a host: it drops the connection that was closed.
  const { close } = sink;
  sink.close = (code, reason) => {
    close(code, reason);
    connection?.close();
  };
  connection = await instance.connect({ params: { name: "ann" } }, sink);
  w.store.commit = async () => {
    throw new HoldfastError("store", "full", "No room");
  };
  await assert.rejects(instance.invoke({ name: "add", args: [], conn: connection }));
  await instance.stopped;
  await turn();
  assert.deepEqual([told, w.reported], [[], []]);
});

test("a disconnection during a sleep or a load is reported once the actor is ready", async () => {
  const w = world();
  const told: unknown[] = [];
  const hall = actor({
    state: { n: 0 },
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    onConnect: (c, conn) => c.presence.set(conn, conn.state.name),
    onDisconnect: (c, conn) => void told.push([conn.state.name, ++c.state.n]),
  });
  const instance = w.create(hall, undefined, "a");
  const names = ["stays", "left asleep", "leaves"];
  const clients = [];
  for (const name of names) {
    const sink = keepingSink();
    const connection = await instance.connect({ params: { name } }, sink);
    void connection.subscribe("$presence");
    clients.push({ sink, connection });
  }
  await instance.sleep();
  const [stays, , leaves] = clients;
  assert.ok(stays !== undefined && leaves !== undefined);
  leaves.sink.awake = (connection) => connection.lose();
  stays.sink.seen.length = 0;
  const held = [stays, leaves].map(({ sink, connection: { id } }) => ({ id, sink, isLost: false }));
  await (await wakeWith(w, held, hall)).ready;
  await turn();
  assert.deepEqual(told, [
    ["left asleep", 1],
    ["leaves", 2],
  ]);
  const left = stays.sink.seen.flatMap((each) =>
    Array.isArray(each) && each[1] === "left" ? [each[2]] : [],
  );
  assert.deepEqual(
    left,
    clients.slice(1).map(({ connection }) => connection.id),
  );
});

test("requests during a load see all connections", async () => {
  const w = world();
  const hall = actor({
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    onConnect: (c, conn) => c.presence.set(conn, conn.state.name),
  });
  const instance = w.create(hall, undefined, "a");
  const held = [];
  for (const name of ["ann", "bob", "eve"]) {
    const sink = keepingSink();
    sink.awake = (connection) => connection.subscribe("$presence");
    const { id } = await instance.connect({ params: { name } }, sink);
    held.push({ id, sink, isLost: false });
  }
  await instance.sleep();
  for (const { sink } of held) sink.seen.length = 0;
  await (await wakeWith(w, held, hall)).ready;
  await turn();
  const present = held.map(({ sink }) => (sink.seen[0] as [string, string, unknown[]])[2].length);
  assert.deepEqual(present, [3, 3, 3]);
});

test("a subscription during the last commit of a sleep is forwarded to the next instance", async () => {
  const w = world();
  const instance = w.create(definition);
  const connection = await instance.connect({ params: { name: "ann" } }, keepingSink());
  assert.equal(connection.subscribe("note"), true);
  w.store.hold = true;
  const slept = instance.sleep();
  while (w.store.held.length === 0) await turn();
  assert.equal(connection.subscribe("$presence"), false);
  w.store.hold = false;
  w.store.held.shift()?.land();
  await slept;
  assert.deepEqual([...connection.subscriptions], ["note"]);
});
