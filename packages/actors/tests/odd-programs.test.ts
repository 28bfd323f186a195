import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeValue, isErrorCode, UserError } from "@holdfast/core";
import { actor } from "../src/index.ts";
import { call, testSink, world } from "./harness.ts";

/** Values that user code may throw and that cannot be read or changed like other errors. */
const thrown: Readonly<Record<string, () => unknown>> = {
  text: () => Object.create(null),
  proxy: () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap");
        },
      },
    ),
  actor: () => Object.defineProperty(new UserError("no"), "actor", { get: () => undefined }),
  message: () => Object.defineProperty(new UserError("no"), "message", { value: () => "no" }),
};

function locked(): ReadableStream<unknown> {
  const stream = new ReadableStream<unknown>();
  stream.getReader();
  return stream;
}

/** Results that resemble streams or promises, but are neither. */
const results: Readonly<Record<string, () => unknown>> = {
  locked,
  getter: () => ({
    get [Symbol.asyncIterator](): never {
      throw new Error("trap");
    },
  }),
  iterator: () => ({
    [Symbol.asyncIterator](): never {
      throw new Error("trap");
    },
  }),
};

const odd = actor({
  state: { n: 0 },
  options: { concurrency: "serial" },
  actions: {
    fail: async (c, name: string) => {
      c.state.n++;
      await null;
      throw thrown[name]?.();
    },
    give: async (_c, name: string) => {
      await null;
      return results[name]?.();
    },
    twice: (c) => {
      c.state.n++;
      // biome-ignore lint/suspicious/noThenProperty: a promise of a library may be broken.
      return { then: (resolve: (value: unknown) => void) => [resolve(1), resolve(2)] };
    },
    n: (c) => c.state.n,
  },
});

describe("programs that throw or return unexpected values", () => {
  test("whatever an action throws, its caller receives an error and the actor continues", async () => {
    const { create, reported } = world();
    const instance = create(odd);
    await instance.ready;
    const codes = new Map<string, unknown>();
    for (const name of Object.keys(thrown)) {
      await call(instance, "fail", name).catch((error: unknown) =>
        codes.set(name, isErrorCode(error, "user", "user_error") ? "user" : String(error)),
      );
    }
    const internal = "HoldfastError: An internal error occurred";
    assert.deepEqual(Object.fromEntries(codes), {
      text: internal,
      proxy: internal,
      actor: "user",
      message: "user",
    });
    assert.equal(reported.length, 2);
    assert.equal(await call(instance, "n"), Object.keys(thrown).length);
  });

  test("a result that cannot be read in chunks fails only its own call", async () => {
    const { create, reported } = world();
    const instance = create(odd);
    for (const name of Object.keys(results)) {
      await assert.rejects(call(instance, "give", name), { code: "internal_error" });
    }
    assert.equal(reported.length, Object.keys(results).length);
    assert.equal(await call(instance, "n"), 0);
  });

  test("a custom thenable that settles twice ends its call once", async () => {
    const instance = world().create(odd);
    assert.equal(await call(instance, "twice"), 1);
    assert.equal(await call(instance, "twice"), 1);
    assert.equal(await call(instance, "n"), 2);
  });

  test("a non-promise does not keep the actor awake", async () => {
    const w = world();
    const definition = actor({
      options: { sleepTimeout: 1_000 },
      actions: {
        keep: (c, value: unknown): unknown => {
          Reflect.apply(c.waitUntil, c, [value]);
          return Reflect.apply(c.keepAwake, c, [value]);
        },
      },
    });
    const instance = w.create(definition);
    assert.equal(await call(instance, "keep", 5), 5);
    assert.equal(await call(instance, "keep", undefined), undefined);
    w.ports.advance(1_000);
    assert.equal(await instance.stopped, "slept");
  });

  test("a run handler that throws a value without text does not affect its actor", async () => {
    const { create, reported } = world();
    const failing = actor({
      state: { n: 0 },
      run: () => {
        throw thrown["text"]?.();
      },
      actions: { add: (c) => ++c.state.n },
    });
    const instance = create(failing);
    await instance.ready;
    assert.equal(await call(instance, "add"), 1);
    assert.equal(reported.length, 1);
    await instance.sleep();
  });
});

describe("JSON and logs of a context", () => {
  const written = actor({
    state: { secret: 1 },
    createConnState: () => ({ secret: 2 }),
    onConnect: (c, conn) => c.log.info("connected", { c, conn }),
    run: (c) => void JSON.stringify([c, c.queue, c.kv]),
    onRequest: (c) => Response.json([c, c.conn]),
    actions: {
      context: (c) => JSON.stringify([c, { ...c }, c.conn, [...c.conns.values()], c.conns, c.queue]),
    },
  });

  test("contain nothing of the runtime, and only the id of a connection", async () => {
    const { create, reported } = world();
    const instance = create(written);
    const sink = testSink();
    const conn = await instance.connect({ params: { token: "secret" } }, sink);
    const bytes = await instance.invoke({ name: "context", args: [], conn });
    const connection = { id: conn.id };
    assert.deepEqual(JSON.parse(decodeValue(bytes) as string), [{}, {}, connection, [connection], {}, {}]);
    const response = await instance.request({ request: new Request("http://actor/") });
    const text = await response.text();
    assert.ok(!text.includes("secret") && !text.includes("definition"), text);
    assert.deepEqual(reported, []);
  });
});
