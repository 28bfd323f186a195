import assert from "node:assert/strict";
import { test } from "node:test";
import type { StandardSchema } from "@holdfast/core";
import {
  type ActionContextOf,
  type ActorContextOf,
  actor,
  type BeforeActionResponseContextOf,
  type BeforeConnectContextOf,
  type ConnContextOf,
  type ConnectContextOf,
  type ConnInitContextOf,
  type CreateConnStateContextOf,
  type CreateContextOf,
  type CreateVarsContextOf,
  type DestroyContextOf,
  type DisconnectContextOf,
  event,
  type MigrateContextOf,
  type RequestContextOf,
  type RunContextOf,
  type SleepContextOf,
  type StateChangeContextOf,
  type WakeContextOf,
  type WebSocketContextOf,
} from "./index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_T extends true>(): void {}

interface RoomState {
  title: string;
}

const room = actor({
  createState: (_c, input: { title: string }): RoomState => ({ title: input.title }),
  createVars: (_c, driverContext) => {
    expectType<Equal<typeof driverContext, undefined>>();
    return { hits: 0 };
  },
  createConnState: (_c, params: { user: string }) => ({ user: params.user }),
  events: { said: event<string>() },
  onCreate: (c, input) => {
    create(c, input.title);
  },
  onMigrate: (c, isNew) => {
    migrate(c, isNew);
  },
  onWake: (c) => {
    every(c);
  },
  onSleep: (c) => {
    every(c);
  },
  onDestroy: (c) => {
    every(c);
  },
  run: {
    name: "Room",
    run: async (c) => {
      every(c);
      await c.run.setWakeAt(null);
    },
  },
  onStateChange: (c, state) => {
    expectType<Equal<typeof state, RoomState>>();
    every(c);
  },
  onBeforeConnect: (c, params) => {
    expectType<Equal<typeof params, { user: string }>>();
    before(c);
  },
  onConnect: (c, conn) => {
    conn.send("said", c.conn.state.user);
    withConn(c);
  },
  onDisconnect: (c) => {
    withConn(c);
  },
  onRequest: (c, request) => {
    expectType<Equal<typeof c.request, Request>>();
    return new Response(c.conn.params.user + request.url);
  },
  onWebSocket: (c, socket) => {
    socket.send(c.state.title);
  },
  actions: { say: (c, text: string): Promise<number> => act(c, text) },
});

type Every = ActorContextOf<typeof room>;

/** Before there is a connection, its types are not known. */
function before(c: BeforeConnectContextOf<typeof room>): void {
  expectType<Equal<typeof c.state, RoomState>>();
}

function every(c: Every): void {
  c.state.title.length + c.vars.hits + c.region.length;
  // @ts-expect-error there is no such member
  assert.equal(c.stat, undefined);
  // @ts-expect-error only hooks with a connection have one
  assert.equal(c.conn, undefined);
}

function create(c: CreateContextOf<typeof room>, title: string): void {
  c.state.title = title;
  // @ts-expect-error vars are made after it
  assert.equal(c.vars, undefined);
}

function migrate(c: MigrateContextOf<typeof room>, isNew: boolean): void {
  if (!isNew) c.state.title = c.state.title.trim();
  // @ts-expect-error vars are made after it
  assert.equal(c.vars, undefined);
}

function withConn(c: ConnContextOf<typeof room>): string {
  return c.conn.state.user + c.conn.params.user + c.vars.hits;
}

function act(c: ActionContextOf<typeof room>, text: string): Promise<number> {
  c.broadcast("said", text);
  // @ts-expect-error the payload has another type
  assert.throws(() => c.broadcast("said", 1));
  return c.transaction(() => text.length);
}

const counterSchema: StandardSchema<unknown, { n: number }> = {
  "~standard": { version: 1, vendor: "test", validate: () => ({ value: { n: 1 } }) },
};

const typed = actor({
  stateSchema: counterSchema,
  createState: () => ({ n: 1 }),
  migrateState: [(stored: { count: number }) => ({ n: stored.count })],
  connParamsSchema: counterSchema,
  types: { vars: {} as { late: string } },
  onBeforeConnect: (_c, params) => expectType<Equal<typeof params, { n: number }>>(),
  actions: { late: (c) => c.vars.late.length + c.state.n + c.conn.params.n },
});

/** Never called: only its types matter. */
function aliases(): void {
  expectType<Equal<RunContextOf<typeof room>, Every>>();
  expectType<Equal<WakeContextOf<typeof room>, Every>>();
  expectType<Equal<SleepContextOf<typeof room>, Every>>();
  expectType<Equal<DestroyContextOf<typeof room>, Every>>();
  expectType<Equal<StateChangeContextOf<typeof room>, Every>>();
  expectType<Equal<BeforeConnectContextOf<typeof room>, ConnInitContextOf<typeof room>>>();
  expectType<Equal<CreateVarsContextOf<typeof room>["state"], RoomState>>();
  expectType<Equal<CreateConnStateContextOf<typeof room>["state"], RoomState>>();
  expectType<Equal<ConnectContextOf<typeof room>, ConnContextOf<typeof room>>>();
  expectType<Equal<DisconnectContextOf<typeof room>, ConnContextOf<typeof room>>>();
  expectType<Equal<BeforeActionResponseContextOf<typeof room>, ActionContextOf<typeof room>>>();
  expectType<Equal<WebSocketContextOf<typeof room>, RequestContextOf<typeof room>>>();
  expectType<Equal<ActorContextOf<typeof typed>["state"], { n: number }>>();
}

test("each hook has the members of its context, and no others", () => {
  assert.equal(typeof aliases, "function");
  assert.equal(typed["~definition"].migrateState.length, 1);
});
