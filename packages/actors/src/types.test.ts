import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorConn, ActorHandle, Client } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { type ActionContextOf, type ActorContextOf, actor, event } from "./index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_T extends true>(): void {}

/** Helper functions usually accept the connections of an actor like this. */
const users = (conns: Map<string, { state: { user: string } }>) =>
  [...conns.values()].map(({ state }) => state.user);

const room = actor({
  createState: (c, input: { title: string }) => ({
    title: input.title,
    messages: [] as string[],
    id: c.actorId,
  }),
  createConnState: (_c, params: { user: string }) => ({ user: params.user }),
  createVars: () => ({ hits: 0 }),
  events: { message: event<{ text: string }>(), moved: event<[x: number, y: number]>(), quiet: event<[]>() },
  onCreate: (c, input) => {
    c.state.title = input.title;
  },
  actions: {
    users: (c) => users(c.conns),
    say: (c, text: string) => {
      c.state.messages.push(text);
      c.broadcast("message", { text });
      c.broadcast("moved", 1, 2);
      c.broadcast("quiet");
      // @ts-expect-error the payload has another type
      const wrong = () => c.broadcast("message", 1);
      // Undeclared events can be sent, as programs do that declare only some.
      const unknown = () => c.broadcast("massage", 1, [2]);
      // @ts-expect-error an event for some of those who listen is one of the declared
      const someone = () => c.broadcast({ event: "massage", room: "a" }, 1);
      // @ts-expect-error there is no such member
      const typo = () => c.stat;
      expectType<Equal<typeof c.conn.state, { user: string }>>();
      expectType<Equal<typeof c.vars, { hits: number }>>();
      return { count: c.state.messages.length, wrong, unknown, someone, typo };
    },
    admin: { rename: async (c, title: string) => (c.state.title = title) },
  },
});

const counter = actor({
  state: { count: 0 },
  actions: { add: (c, by: number) => (c.state.count += by), get: (c) => c.state.count },
});

type Change = { readonly kind: "added"; readonly text: string } | { readonly kind: "cleared" };

const board = actor({
  events: { changed: event<Change>(), moved: event<[x: number] | [x: number, y: number]>() },
  actions: {
    tell: (c, change: Change) => {
      c.broadcast("changed", change);
      c.broadcast("moved", 1);
      c.broadcast("moved", 1, 2);
      // @ts-expect-error one payload, though any of the two
      return () => c.broadcast("changed", change, change);
    },
  },
});

const empty = actor({ actions: { ping: () => "pong", hello: (c) => c.broadcast("anything", 1) } });

interface Registry {
  readonly "~actors"?: {
    room: typeof room;
    counter: typeof counter;
    board: typeof board;
    empty: typeof empty;
  };
}

function helper(c: ActionContextOf<typeof room>, hook: ActorContextOf<typeof room>): string {
  hook.broadcast("message", { text: c.conn.params.user });
  return c.conn.state.user + hook.state.title + c.vars.hits;
}

/** Never called: only its types matter. */
async function uses(client: Client<Registry>): Promise<void> {
  const handle = client.counter.get("a");
  expectType<Equal<ReturnType<typeof handle.add>, Promise<number>>>();
  expectType<Equal<Parameters<typeof handle.add>, [by: number]>>();
  expectType<Equal<ReturnType<typeof handle.get>, Promise<number>>>();
  const made: ActorHandle<typeof room> = await client.room.create(["x"], { input: { title: "t" } });
  // @ts-expect-error the input has another type
  await client.room.create(["x"], { input: { title: 1 } });
  expectType<Equal<Awaited<ReturnType<typeof made.admin.rename>>, string>>();
  const conn: ActorConn<typeof room> = made.connect();
  void conn.on("moved", (x, y) => x + y);
  void conn.on("message", ({ text }) => text.length);
  const pong: string = await client.empty.get().ping();
  assert.ok(pong);
}

test("types flow from the definition to contexts and clients", () => {
  assert.equal(typeof uses, "function");
  assert.equal(typeof helper, "function");
});

test("rejects unknown keys, exclusive pairs, and values that are not functions", () => {
  const refuse = (config: object) =>
    assert.throws(
      () => actor(config),
      (error) => isErrorCode(error, "actor", "invalid_definition"),
    );
  refuse({ stat: {} });
  refuse({ state: {}, createState: () => ({}) });
  refuse({ vars: {}, createVars: () => ({}) });
  refuse({ onWake: 1 });
  refuse({ actions: { a: 1 } });
  refuse({ actions: { "a.b": () => 1, a: { b: () => 2 } } });
  refuse({ options: { actionTimeout: "1s" } });
  refuse({ options: { sleeptimeout: 1 } });
});
