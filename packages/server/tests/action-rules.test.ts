import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { action, actor } from "@holdfast/actors";
import { attempt } from "@holdfast/client";
import { isErrorCode, isHoldfastError, type StandardSchema, UserError } from "@holdfast/core";
import { Condition, serve } from "./support.ts";

/** A schema from a function that returns what it makes of a value, or throws what is wrong. */
function schema<T>(parse: (value: unknown) => T | Promise<T>): StandardSchema<unknown, T> {
  const failure = (error: unknown) => ({ issues: [{ message: String(error), path: ["here"] }] });
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        try {
          const parsed = parse(value);
          if (!(parsed instanceof Promise)) return { value: parsed };
          return parsed.then((settled) => ({ value: settled }), failure);
        } catch (error) {
          return failure(error);
        }
      },
    },
  };
}

const positive = (value: unknown): number => {
  const number = Number(value);
  if (!(number > 0)) throw "must be positive";
  return number;
};

const shop = actor({
  state: { ran: 0 },
  createConnState: (_c, params: { role: string } | undefined) => ({ role: params?.role ?? "guest" }),
  actions: {
    parsed: action({ input: schema(positive), handler: (c, by) => (c.state.ran += by) }),
    parsedLater: action({
      input: schema(async (value) => positive(value)),
      handler: (c, by) => (c.state.ran += by),
    }),
    group: { tuple: (c, a: number, b: number) => (c.state.ran += a + b) },
    dotted: { name: (_c, word: string) => word },
    broken: action({ output: schema(positive), handler: (_c, value: number) => value }),
    buy: action({
      errors: { sold_out: schema((value) => value as { left: number }), closed: true },
      handler: (_c, item: string) => {
        if (item === "tea") throw new UserError("No tea", { code: "sold_out", metadata: { left: 0 } });
        if (item === "door") throw new UserError("Closed", { code: "closed" });
        if (item === "odd") throw new UserError("Odd", { code: "undeclared" });
        return item;
      },
    }),
    admin: action({
      canInvoke: (c) => (c.conn.state.role === "odd" ? ("yes" as never) : c.conn.state.role === "admin"),
      handler: (c) => (c.state.ran += 1),
    }),
    ran: (c) => c.state.ran,
  },
  actionInputSchemas: {
    group: {
      tuple: schema((value) => {
        const list = value as unknown[];
        if (list.length !== 2) throw "needs two";
        return list.map(positive);
      }),
    },
    "dotted.name": schema((value) => {
      if (typeof (value as unknown[])[0] !== "string") throw "needs a word";
      return value;
    }),
  },
});

const isInvalid = (error: unknown): boolean => {
  assert.ok(isErrorCode(error, "actor", "validation_error"), String(error));
  assert.equal(error.statusCode === 400 || error.statusCode === 500, true);
  assert.deepEqual(
    (error.metadata as { issues: { path: unknown }[] }).issues.map(({ path }) => path),
    [["here"]],
  );
  return true;
};

for (const way of ["http", "websocket", "in process"] as const) {
  describe(`the rules of actions, ${way}`, () => {
    const open = async (t: Parameters<typeof serve>[0], role?: string) => {
      const running = await serve(t, { shop });
      const client = way === "in process" ? running.registry.client : running.client();
      const params = role === undefined ? undefined : { role };
      const handle = client.shop.getOrCreate("s", params === undefined ? {} : { params });
      return way === "websocket" ? handle.connect() : handle;
    };

    test("arguments are checked and changed by schemas, sync and async", async (t) => {
      const on = await open(t);
      assert.equal(await on.parsed("2"), 2);
      assert.equal(await on.parsedLater("3"), 5);
      assert.equal(await on.group.tuple("4" as never, 1), 10);
      assert.equal(await on.dotted.name("word"), "word");
      await assert.rejects(on.parsed(-1), isInvalid);
      await assert.rejects(on.parsedLater(-1), isInvalid);
      await assert.rejects(on.group.tuple(1, -1), isInvalid);
      await assert.rejects((on.group.tuple as (a: number) => Promise<number>)(1), isInvalid);
      await assert.rejects(on.dotted.name(5 as never), isInvalid);
      assert.equal(await on.ran(), 10, "what was refused has not run");
    });

    test("a result that breaks its schema is the actor's fault, not told in detail", async (t) => {
      const on = await open(t);
      assert.equal(await on.broken(1), 1);
      await assert.rejects(on.broken(-1), (error) => isErrorCode(error, "internal", "internal_error"));
    });

    test("declared errors come with their metadata, others are internal", async (t) => {
      const on = await open(t);
      const codes = ["sold_out", "closed"] as const;
      assert.deepEqual(await attempt(on.buy("milk"), codes), { ok: true, value: "milk" });
      const tea = await attempt(on.buy("tea"), codes);
      assert.ok(!tea.ok && tea.code === "sold_out");
      assert.deepEqual(tea.metadata, { left: 0 });
      const door = await attempt(on.buy("door"), codes);
      assert.ok(!door.ok && door.code === "closed");
      const odd = await attempt(on.buy("odd"), codes);
      assert.ok(!odd.ok && odd.code === undefined && isErrorCode(odd.error, "internal", "internal_error"));
    });

    test("canInvoke lets a caller in, or not, or is an internal error", async (t) => {
      await assert.rejects((await open(t)).admin(), (error) => isErrorCode(error, "auth", "forbidden"));
      await assert.rejects((await open(t, "odd")).admin(), (error) =>
        isErrorCode(error, "internal", "internal_error"),
      );
      assert.equal(await (await open(t, "admin")).admin(), 1);
    });

    test("an error names the actor that it arose in", async (t) => {
      const on = await open(t);
      await assert.rejects(on.buy("tea"), (error) => {
        assert.ok(isHoldfastError(error));
        assert.deepEqual(error.actor?.key, ["s"]);
        assert.equal(error.actor.generation, 1);
        return true;
      });
    });
  });
}

const streams = actor({
  state: { made: 0, ended: 0 },
  actions: {
    count: async function* (c, to: number) {
      try {
        for (let i = 0; i < to; i++) {
          c.state.made += 1;
          yield i;
        }
      } finally {
        c.state.ended += 1;
      }
    },
    bytes: (_c, pieces: number) =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pieces-- > 0) controller.enqueue(new Uint8Array([pieces, 255]));
          else controller.close();
        },
      }),
    fails: async function* () {
      yield "first";
      throw new UserError("Enough", { code: "enough" });
    },
    big: async function* (_c, size: number) {
      yield "x".repeat(size);
    },
    never: async function* (c) {
      try {
        yield "begun";
        if (!c.aborted) await new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve));
        yield "late";
      } finally {
        c.state.ended += 100;
      }
    },
    seen: (c) => ({ made: c.state.made, ended: c.state.ended }),
  },
});

for (const way of ["http cbor", "http json", "websocket", "in process"] as const) {
  describe(`results in pieces, ${way}`, () => {
    const open = async (t: Parameters<typeof serve>[0]) => {
      const running = await serve(t, { streams });
      const encoding = way === "http json" ? "json" : "cbor";
      const client = way === "in process" ? running.registry.client : running.client({ encoding });
      const handle = client.streams.getOrCreate("s");
      return way === "websocket" ? handle.connect() : handle;
    };

    test("arrive whole and in order, numbers and bytes", async (t) => {
      const on = await open(t);
      const numbers: number[] = [];
      for await (const piece of await on.count(200)) numbers.push(piece);
      assert.deepEqual(numbers, [...Array(200).keys()]);
      const bytes: Uint8Array[] = [];
      for await (const piece of await on.bytes(3)) bytes.push(piece);
      assert.deepEqual(
        bytes,
        [2, 1, 0].map((n) => new Uint8Array([n, 255])),
      );
      assert.deepEqual(await on.seen(), { made: 200, ended: 1 });
    });

    test("an error comes after the pieces before it", async (t) => {
      const on = await open(t);
      const heard: unknown[] = [];
      await assert.rejects(
        (async () => {
          for await (const piece of await on.fails()) heard.push(piece);
        })(),
        (error) => isErrorCode(error, "user", "enough"),
      );
      assert.deepEqual(heard, ["first"]);
      const reader = (await on.big(2_000_000)).getReader();
      await assert.rejects(reader.read(), (error) => isErrorCode(error, "message", "outgoing_too_long"));
    });

    test("a reader that stops ends the action; one that waits holds it up", async (t) => {
      const on = await open(t);
      const stream = await on.count(1_000_000);
      const reader = stream.getReader();
      for (let i = 0; i < 5; i++) assert.equal((await reader.read()).value, i);
      // Nothing is read now: what is made stays bounded, however long that takes.
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
      const { made } = await on.seen();
      assert.ok(made < 20_000, `${made} pieces were made for 5`);
      await reader.cancel();
      const ended = async (): Promise<boolean> => (await on.seen()).ended === 1;
      const deadline = Date.now() + 30_000;
      while (!(await ended())) assert.ok(Date.now() < deadline, "the action was not told");
    });

    test("an aborted call ends the stream on both sides", async (t) => {
      const on = await open(t);
      const abort = new AbortController();
      const call = on.action<ReadableStream<string>>({ name: "never", signal: abort.signal });
      const reader = (await call).getReader();
      assert.equal((await reader.read()).value, "begun");
      const rest = reader.read();
      abort.abort(new UserError("changed my mind"));
      await assert.rejects(rest, (error) => isErrorCode(error, "action", "aborted"));
      const deadline = Date.now() + 30_000;
      while ((await on.seen()).ended < 100) assert.ok(Date.now() < deadline, "the action was not told");
    });
  });
}

test("a piece leaves after the commit before it, and a cut connection ends its streams", async (t) => {
  const { cuttableProxy } = await import("./support.ts");
  const { listening, client } = await serve(t, { streams });
  const proxy = await cuttableProxy(t, listening.port);
  const conn = client({ endpoint: proxy.url }).streams.getOrCreate("s").connect();
  const changed = new Condition();
  conn.onStatusChange(() => changed.changed());
  const reader = (await conn.never()).getReader();
  assert.equal((await reader.read()).value, "begun");
  const rest = reader.read();
  proxy.cut();
  await assert.rejects(rest, (error) => isErrorCode(error, "conn", "stream_interrupted"));
  await changed.until(() => conn.connStatus === "connected");
  const deadline = Date.now() + 30_000;
  while ((await conn.seen()).ended < 100) assert.ok(Date.now() < deadline, "the action was not told");
});
