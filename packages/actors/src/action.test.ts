import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActionStream, type ActorHandle, attempt } from "@holdfast/client";
import { type HoldfastError, isErrorCode, type StandardSchema } from "@holdfast/core";
import { action, actor, event } from "./index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_T extends true>(): void {}

/** A schema that turns `{ n: "1" }` into `{ n: 1 }`. */
const numeric: StandardSchema<{ n: string }, { n: number }> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as { n: number } }) },
};

const shop = actor({
  state: { count: 0 },
  createConnState: (_c, params: { user: string }) => ({ user: params.user }),
  events: { changed: event<number>() },
  actions: {
    plain: (c, by: number) => c.state.count + by,
    parsed: action({
      input: numeric,
      handler: (c, input) => {
        expectType<Equal<typeof input, { n: number }>>();
        expectType<Equal<typeof c.state, { count: number }>>();
        expectType<Equal<typeof c.conn.state, { user: string }>>();
        c.broadcast("changed", input.n);
        c.broadcast({ event: "changed", room: "red", except: c.conn }, input.n);
        // @ts-expect-error the payload has another type
        const wrong = () => c.broadcast({ event: "changed" }, "no");
        // @ts-expect-error there is no such member
        const typo = () => c.stat;
        return { count: input.n, wrong, typo };
      },
    }),
    group: {
      buy: action({
        errors: { sold_out: numeric, closed: true },
        canInvoke: (c) => c.conn.state.user !== "nobody",
        handler: async (c, item: string) => `${item} ${c.state.count}`,
      }),
    },
    count: async function* (c, to: number) {
      for (let i = 0; i < to; i++) yield i + c.state.count;
    },
    bytes: () => new ReadableStream<Uint8Array>(),
    later: (c) => c.state.count,
  },
});

test("the types of action() reach clients", async () => {
  const handle = {} as ActorHandle<typeof shop>;
  const calls = {
    plain: () => handle.plain(1),
    // The client sends the schema's input type, not its output type.
    parsed: () => handle.parsed({ n: "1" }),
    // @ts-expect-error a number is not what the schema takes
    wrong: () => handle.parsed({ n: 1 }),
    // @ts-expect-error the item is missing
    missing: () => handle.group.buy(),
    count: () => handle.count(3),
    bytes: () => handle.bytes(),
    buy: async () => {
      const bought = await attempt(handle.group.buy("tea"), ["sold_out", "closed"]);
      if (bought.ok) expectType<Equal<typeof bought.value, string>>();
      else if (bought.code === "sold_out") expectType<Equal<typeof bought.metadata, { n: number }>>();
      else if (bought.code === "closed") expectType<Equal<typeof bought.error, HoldfastError>>();
      // @ts-expect-error the action declares no such error
      await attempt(handle.group.buy("tea"), ["nope"]);
    },
  };
  expectType<Equal<ReturnType<typeof calls.plain>, Promise<number>>>();
  expectType<Equal<Awaited<ReturnType<typeof calls.parsed>>["count"], number>>();
  expectType<Equal<Awaited<ReturnType<typeof calls.count>>, ActionStream<number>>>();
  expectType<Equal<Awaited<ReturnType<typeof calls.bytes>>, ActionStream<Uint8Array>>>();
  // At run time it is a function that can be called like any other action.
  const double = action({ handler: (_c: undefined, by: number) => by * 2 });
  assert.equal(double(undefined, 4), 8);
});

test("an invalid action is reported by actor()", () => {
  const schema = 5 as never;
  const bad = [
    () => actor({ actions: { a: action({ handler: 5 as never }) } }),
    () => actor({ actions: { a: action({ input: schema, handler: () => 1 }) } }),
    () => actor({ actions: { a: action({ output: schema, handler: () => 1 }) } }),
    () => actor({ actions: { a: action({ errors: { gone: 5 as never }, handler: () => 1 }) } }),
    () => actor({ actions: { a: action({ canInvoke: 5 as never, handler: () => 1 }) } }),
    () => actor({ actions: { a: action({ durability: "never" as never, handler: () => 1 }) } }),
    () => actor({ actions: { a: action({ typo: 1, handler: () => 1 } as never) } }),
    () => actor({ actions: {}, actionInputSchemas: { nobody: numeric } }),
  ];
  for (const make of bad) {
    assert.throws(make, (error) => isErrorCode(error, "actor", "invalid_definition"), make.toString());
  }
});

test("action() infers its context anywhere in the definition", () => {
  actor({
    state: { ran: 0 },
    actions: {
      first: action({
        input: numeric,
        canInvoke: (c) => c.state.ran > 0,
        handler: (c, input) => {
          expectType<Equal<typeof c.state, { ran: number }>>();
          expectType<Equal<typeof c.vars, undefined> extends true ? false : true>();
          return input.n;
        },
      }),
      open: action({ handler: (c, name: string) => c.broadcast(name, 1, 2) }),
    },
  });
  actor({
    actions: {
      move: action({
        handler: (c) => {
          c.broadcast("moved", 1, 2);
          // @ts-expect-error the payload has another type
          return () => c.broadcast("moved", "x");
        },
      }),
    },
    events: { moved: event<[number, number]>() },
    createConnState: (_c, params: { who: string }) => ({ who: params.who }),
  });
});
