import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { call, outcome, turn, world } from "./harness.ts";
import { code, codeOf, send, untilTimers } from "./queue-support.ts";

const basic = actor({
  options: { sleepTimeout: Number.POSITIVE_INFINITY },
  state: { seen: [] as unknown[] },
  queues: { a: queue<number>(), b: queue<number>(), jobs: queue<string, { done: string }>() },
  actions: {
    send: async (c, name: "a" | "b", body: number, options?: object) => c.queue.send(name, body, options),
    take: async (c, names?: ("a" | "b")[], timeout = 0) => {
      const message = await c.queue.next({ names, timeout });
      return message === undefined
        ? null
        : { name: message.name, body: message.body, attempt: message.attempt };
    },
    takeMany: async (c, names: ("a" | "b")[], count: number) => {
      const batch = await c.queue.tryNextBatch({ names, count });
      return batch.map(({ name, body }) => [name, body]);
    },
    wait: async (c, timeout?: number) => (await c.queue.waitForNames(["a"], { timeout })).body,
    available: (c, timeout: number) => c.queue.waitForAvailable(["a"], { timeout }),
    complete: async (c, response: { done: string }) => {
      const message = await c.queue.next({ names: ["jobs"], completable: true });
      await message?.complete(response);
      return message?.attempt;
    },
    completeTwice: async (c) => {
      const message = await c.queue.next({ names: ["jobs"], completable: true });
      await message?.complete();
      return message?.complete().catch(codeOf);
    },
    peekJob: async (c) => {
      const message = await c.queue.tryNext({ names: ["jobs"], completable: true });
      return message === undefined ? null : [message.body, message.attempt, typeof message.complete];
    },
    receiveTwice: async (c) => {
      await c.queue.next({ names: ["jobs"], completable: true });
      return c.queue.tryNext({ names: ["a"] }).catch(codeOf);
    },
    fail: async (c) => {
      const message = await c.queue.next({ names: ["jobs"], completable: true });
      await message?.fail(new Error("no"));
      return message?.attempt;
    },
    completeById: async (c, id: number, name: "jobs" | "a") =>
      c.queue.complete({ id, name }, { done: "by id" }).then(() => "done", codeOf),
    takeBeside: async (c) => {
      await c.queue.next({ names: ["jobs"], completable: true });
      return (await c.queue.waitForNames(["a"], { timeout: 0 })).body;
    },
    takeOf: async (c, names: null | undefined, count: number) =>
      (await c.queue.tryNextBatch({ names: names as undefined, count })).map(({ body }) => body),
    nothingGiven: async (c) => {
      const none = null as unknown as undefined;
      const options = { timeout: 0, signal: none };
      await c.queue.send("a", 1, none);
      await c.queue.waitForAvailable(none, none);
      const taken = [await c.queue.nextBatch(none), await c.queue.tryNextBatch(none)];
      await c.queue.send("a", 2);
      const message = await c.queue.waitForNames(["a"], none);
      const late = [c.queue.next(options), c.queue.waitForNames(["a"], options).catch(codeOf)];
      return [taken.flat().map(({ body }) => body), message.body, ...(await Promise.all(late))];
    },
    aborted: async (c) => c.queue.next({ signal: AbortSignal.abort() }).catch(codeOf),
    iterAborted: async (c) => {
      for await (const _ of c.queue.iter({ signal: AbortSignal.abort() })) return "message";
      return "ended";
    },
    first: async (c, name: "a" | "b") => {
      for await (const message of c.queue.iter({ names: [name] })) return message.body;
      return undefined;
    },
    unknown: async (c) => c.queue.send("nobody" as "a", 1).catch(codeOf),
    unknownNext: async (c) => c.queue.next({ names: ["nobody" as "a"] }).catch(codeOf),
    ask: (c, timeout: number) =>
      c.queue.enqueueAndWait("jobs", "ask", { timeout }).then(
        (response) => ({ response }),
        (error: unknown) => codeOf(error),
      ),
    badOptions: async (c, options: object) => c.queue.send("a", 1, options).catch(codeOf),
    badTimeout: async (c) => c.queue.next({ timeout: -1 }).catch(codeOf),
  },
});

test("messages of the selected queues arrive in the order of their ids and are removed on receipt", async () => {
  const { create } = world();
  const a = create(basic);
  await send(a, "a", 1);
  await send(a, "b", 2);
  await send(a, "a", 3);
  assert.deepEqual(await call(a, "take", ["b"]), { name: "b", body: 2, attempt: 1 });
  assert.deepEqual(await call(a, "takeMany", ["a", "b"], 5), [
    ["a", 1],
    ["a", 3],
  ]);
  assert.equal(await call(a, "take"), null);
});

test("a message is durable before its sender is notified, and survives a sleep", async () => {
  const { create, wake, store } = world();
  const a = create(basic);
  await a.ready;
  store.hold = true;
  const sent = send(a, "a", 7);
  assert.equal(await outcome(sent), "pending");
  store.hold = false;
  store.held.shift()?.land();
  assert.deepEqual(await sent, { status: "completed" });
  await a.sleep();
  const b = await wake(basic);
  const message = (await call(b, "send", "a", 8)) as { id: number; createdAt: number };
  assert.ok(message.id > 1);
  assert.deepEqual(await call(b, "take"), { name: "a", body: 7, attempt: 1 });
});

test("a send to an actor with a new owner reports the takeover", async () => {
  const w = world();
  const instance = w.create(basic);
  await instance.ready;
  await w.store.acquire("a");
  await assert.rejects(send(instance, "a", 1), code("actor.fenced"));
  assert.equal(await instance.stopped, "fenced");
});

test("priority precedes age; delay and expiry follow the clock", async () => {
  const { create, ports, wake } = world();
  const a = create(basic);
  await call(a, "send", "a", 1);
  await call(a, "send", "a", 2, { priority: 5 });
  await call(a, "send", "a", 3, { delayMs: 1_000 });
  await call(a, "send", "a", 4, { ttlMs: 500 });
  assert.deepEqual(await call(a, "takeMany", ["a"], 1), [["a", 2]]);
  ports.advance(499);
  await call(a, "send", "b", 0);
  ports.advance(1);
  assert.deepEqual(await call(a, "takeMany", ["a"], 9), [["a", 1]]);
  ports.advance(499);
  assert.deepEqual(await call(a, "takeMany", ["a"], 9), []);
  ports.advance(1);
  assert.deepEqual(await call(a, "takeMany", ["a"], 9), [["a", 3]]);
  await call(a, "send", "a", 5, { delayMs: 20_000 });
  await a.sleep();
  const b = await wake(basic);
  await b.ready;
  assert.equal(b.wakeAt, ports.clock.now() + 20_000);
  ports.advance(20_000);
  assert.deepEqual(await call(b, "takeMany", ["a"], 9), [["a", 5]]);
});

test("a blocked receive gets the next message; on timeout it returns nothing, and waitForNames throws", async () => {
  const { create, ports } = world();
  const a = create(basic);
  const waiting = call(a, "take", ["a"], 5_000);
  assert.equal(await outcome(waiting), "pending");
  await send(a, "a", 1);
  assert.deepEqual(await waiting, { name: "a", body: 1, attempt: 1 });
  const before = ports.pendingTimers;
  const late = call(a, "take", ["a"], 5_000);
  await untilTimers(ports, before + 2);
  ports.advance(5_000);
  assert.equal(await late, null);
  const others = ports.pendingTimers;
  const refused = assert.rejects(call(a, "wait", 10), code("queue.timed_out"));
  const unavailable = assert.rejects(call(a, "available", 10), code("queue.timed_out"));
  await untilTimers(ports, others + 4);
  ports.advance(10);
  await Promise.all([refused, unavailable]);
  const there = call(a, "available", 10);
  await send(a, "a", 9);
  await there;
  assert.equal(await call(a, "first", "a"), 9);
});

test("a completable message stays until completion, and returns if its action ends without one", async () => {
  const { create } = world();
  const a = create(basic);
  await send(a, "jobs", "x");
  assert.deepEqual(await call(a, "peekJob"), ["x", 1, "function"]);
  assert.deepEqual(await call(a, "peekJob"), ["x", 2, "function"]);
  assert.equal(await call(a, "fail"), 3);
  assert.equal(await call(a, "complete", { done: "y" }), 4);
  assert.equal(await call(a, "peekJob"), null);
  await send(a, "jobs", "x");
  assert.equal(await call(a, "completeTwice"), "queue.already_completed");
  await send(a, "jobs", "x");
  assert.equal(await call(a, "receiveTwice"), "queue.previous_message_not_completed");
});

test("waitForNames receives a message while another one is in delivery", async () => {
  const a = world().create(basic);
  await send(a, "jobs", "x");
  await send(a, "a", 5);
  assert.equal(await call(a, "takeBeside"), 5);
  assert.deepEqual(await call(a, "peekJob"), ["x", 2, "function"]);
});

test("a message is completed by id once; repeating it has no effect, and another name throws", async () => {
  const a = world().create(basic);
  const { id: other } = (await call(a, "send", "a", 1)) as { id: number };
  const sent = send(a, "jobs", "x", { wait: true });
  assert.equal(await outcome(sent), "pending");
  const id = other + 1;
  assert.equal(await call(a, "completeById", id, "a"), "queue.message_identity_mismatch");
  assert.equal(await call(a, "completeById", id, "jobs"), "done");
  assert.deepEqual(await sent, { status: "completed", response: { done: "by id" } });
  assert.equal(await call(a, "completeById", id, "jobs"), "done");
  assert.equal(await call(a, "completeById", other, "jobs"), "queue.message_identity_mismatch");
  assert.equal(await call(a, "completeById", undefined, "jobs"), "queue.invalid_options");
  assert.deepEqual(await call(a, "take", ["a"]), { name: "a", body: 1, attempt: 1 });
});

test("a batch takes all available messages, counts once, and no names means all queues", async () => {
  const a = world().create(basic);
  for (const body of [1, 2, 3, 4]) await send(a, "a", body);
  assert.deepEqual(await call(a, "takeOf", null, 1.9), [1]);
  assert.deepEqual(await call(a, "takeOf", null, -1), [2]);
  assert.deepEqual(await call(a, "takeOf", undefined, Number.POSITIVE_INFINITY), [3, 4]);
});

test("null means default options", async () => {
  const a = world().create(basic);
  assert.deepEqual(await call(a, "nothingGiven"), [[1], 2, undefined, "queue.timed_out"]);
});

test("a waiting sender gets the response or a timeout", async () => {
  const { create, ports } = world();
  const a = create(basic);
  const done = send(a, "jobs", "x", { wait: true, idempotencyKey: "k", timeoutMs: 1_000 });
  assert.equal(await call(a, "complete", { done: "yes" }), 1);
  assert.deepEqual(await done, { status: "completed", response: { done: "yes" } });
  assert.deepEqual(await send(a, "jobs", "x", { wait: true, idempotencyKey: "k" }), {
    status: "completed",
    response: { done: "yes" },
  });
  const before = ports.pendingTimers;
  const late = send(a, "jobs", "y", { wait: true, timeoutMs: 1_000 });
  await untilTimers(ports, before + 1);
  ports.advance(1_000);
  assert.deepEqual(await late, { status: "timedOut" });
  assert.equal(await call(a, "completeTwice"), "queue.already_completed");
  const asked = call(a, "ask", 50);
  assert.equal(await call(a, "complete", { done: "ok" }), 1);
  assert.deepEqual(await asked, { response: { done: "ok" } });
  const rest = ports.pendingTimers;
  const unanswered = call(a, "ask", 50);
  await untilTimers(ports, rest + 2);
  ports.advance(50);
  assert.equal(await unanswered, "queue.timed_out");
});

test("a second send with the key of an unawaited one receives its completion, even after it", async () => {
  const { create, wake } = world();
  const a = create(basic);
  assert.deepEqual(await send(a, "jobs", "x", { idempotencyKey: "k" }), { status: "completed" });
  const waits = { wait: true, idempotencyKey: "k" };
  assert.deepEqual(await send(a, "jobs", "x", { ...waits, timeoutMs: 0 }), { status: "timedOut" });
  await a.sleep();
  const b = await wake(basic);
  assert.equal(await call(b, "complete", { done: "yes" }), 1);
  await b.sleep();
  assert.deepEqual(await send(await wake(basic), "jobs", "x", { ...waits, timeoutMs: 0 }), {
    status: "completed",
    response: { done: "yes" },
  });
});

test("a second, waiting send joins an unawaited one with the same key that is not durable yet", async () => {
  const { create, wake } = world();
  const a = create(basic);
  const waits = { wait: true, idempotencyKey: "k", timeoutMs: 0 };
  const both = [send(a, "jobs", "x", { idempotencyKey: "k" }), send(a, "jobs", "x", waits)];
  assert.deepEqual(await Promise.all(both), [{ status: "completed" }, { status: "timedOut" }]);
  assert.equal(await call(a, "complete", { done: "yes" }), 1);
  await a.sleep();
  assert.deepEqual(await send(await wake(basic), "jobs", "x", waits), {
    status: "completed",
    response: { done: "yes" },
  });
});

test("invalid queues, options, timeouts and signals are reported", async () => {
  const { create } = world();
  const a = create(basic);
  await assert.rejects(send(a, "nobody", 1), code("queue.not_defined"));
  assert.equal(await call(a, "unknown"), "queue.not_defined");
  assert.equal(await call(a, "unknownNext"), "queue.not_defined");
  assert.equal(await call(a, "aborted"), "actor.aborted");
  assert.equal(await call(a, "iterAborted"), "ended");
  for (const options of [
    { delayMs: -1 },
    { ttlMs: 0 },
    { priority: "high" },
    { dedupeKey: 1 },
    { dedupeKey: "x".repeat(257) },
  ]) {
    assert.equal(await call(a, "badOptions", options), "queue.invalid_options", JSON.stringify(options));
  }
  assert.equal(await call(a, "badTimeout"), "queue.invalid_options");
  await assert.rejects(send(a, "a", 1, { wait: true, timeoutMs: -1 }), code("queue.invalid_options"));
});

test("an actor without declared queues rejects messages of others, and may use any name itself", async () => {
  const { create, wake } = world();
  const definition = actor({
    actions: {
      put: async (c, name: string) => {
        await c.queue.send(name, { name });
      },
      all: async (c) => (await c.queue.tryNextBatch({ count: 10 })).map((message) => message.name),
      one: async (c, name: string) => (await c.queue.tryNext({ names: [name] }))?.body ?? null,
      soon: async (c) => {
        const waiting = c.queue.next({ timeout: 1_000 });
        await c.queue.send("first heard of now", 1);
        return (await waiting)?.name;
      },
      bad: (c) => c.queue.send("", 1).then(() => "none", codeOf),
    },
  });
  const a = create(definition);
  await assert.rejects(send(a, "any", 1), code("queue.not_defined"));
  for (const name of ["x", "y", "x"]) await call(a, "put", name);
  await assert.rejects(send(a, "x", 1), code("queue.not_defined"));
  assert.deepEqual(await call(a, "one", "y"), { name: "y" });
  await a.sleep();
  const b = await wake(definition);
  assert.deepEqual(await call(b, "all"), ["x", "x"]);
  assert.equal(await call(b, "soon"), "first heard of now");
  assert.equal(await call(b, "bad"), "queue.not_defined");
});

test("limits hold at, below and above", async () => {
  const { create } = world();
  const limited = actor({
    queues: { a: queue<string>() },
    options: { maxQueueSize: 2, maxQueueMessageSize: 10 },
    actions: { take: async (c) => (await c.queue.tryNext())?.body },
  });
  const a = create(limited);
  // CBOR adds one byte to a short string.
  await send(a, "a", "x".repeat(8));
  await send(a, "a", "x".repeat(9));
  await assert.rejects(send(a, "a", "x"), code("queue.full"));
  await assert.rejects(send(a, "a", "x".repeat(10)), code("queue.message_too_large"));
  assert.equal(await call(a, "take"), "x".repeat(8));
  await send(a, "a", "x");
});

test("a long body is stored in chunks, which are deleted with it", async () => {
  const { create, wake, store } = world();
  const long = actor({
    queues: { a: queue<Uint8Array>() },
    options: { maxQueueMessageSize: 2_000_000 },
    actions: { take: async (c) => (await c.queue.tryNext())?.body },
  });
  const a = create(long);
  const body = new Uint8Array(1_500_000).map((_, index) => index % 251);
  await send(a, "a", body);
  await a.sleep();
  const b = await wake(long);
  assert.deepEqual(await call(b, "take"), body);
  await turn();
  const left = await store.kvList("a", { start: new Uint8Array([0]), limit: 100 });
  assert.deepEqual(
    left.map(({ key }) => [...key]),
    [[0, 4]],
  );
});

test("a dedupe key accepts one message per window, also after a sleep", async () => {
  const { create, wake, ports } = world();
  const a = create(basic);
  const first = (await call(a, "send", "a", 1, { dedupeKey: "k" })) as { id: number };
  const second = (await call(a, "send", "a", 2, { dedupeKey: "k" })) as { id: number };
  assert.equal(second.id, first.id);
  await call(a, "send", "b", 3, { dedupeKey: "k" });
  await a.sleep();
  const b = await wake(basic);
  await call(b, "send", "a", 4, { dedupeKey: "k" });
  assert.deepEqual(await call(b, "takeMany", ["a", "b"], 9), [
    ["a", 1],
    ["b", 3],
  ]);
  ports.advance(300_000);
  await call(b, "send", "a", 5, { dedupeKey: "k" });
  assert.deepEqual(await call(b, "takeMany", ["a", "b"], 9), [["a", 5]]);
});

test("sends with the same idempotency key enqueue once, even concurrently", async () => {
  const { create } = world();
  const a = create(basic);
  await Promise.all([send(a, "a", 1, { idempotencyKey: "k" }), send(a, "a", 1, { idempotencyKey: "k" })]);
  await send(a, "a", 1, { idempotencyKey: "k" });
  assert.deepEqual(await call(a, "takeMany", ["a"], 9), [["a", 1]]);
});

test("an iterator ends when its actor stops, even if messages are left", async () => {
  const { create } = world();
  const held = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const bodies: string[] = [];
  const definition = actor({
    options: { sleepTimeout: Number.POSITIVE_INFINITY },
    queues: { jobs: queue<string>() },
    run: async (c) => {
      try {
        for await (const { body } of c.queue.iter()) {
          bodies.push(body);
          held.resolve();
          await goOn.promise;
        }
        ended.resolve(await c.queue.next().then(String, codeOf));
      } catch (error) {
        ended.resolve(error);
      }
    },
    actions: {
      fill: async (c) => {
        await c.queue.send("jobs", "first");
        await c.queue.send("jobs", "second");
      },
    },
  });
  const a = create(definition);
  await call(a, "fill");
  await held.promise;
  assert.equal(await a.destroy(), "destroyed");
  goOn.resolve();
  assert.equal(await ended.promise, "actor.aborted");
  assert.deepEqual(bodies, ["first"]);
});

test("a message contains its body at the time of the send", async () => {
  const changed = actor({
    state: { job: { step: 1 } },
    queues: { jobs: queue<{ step: number }>() },
    actions: {
      go: async (c) => {
        const mine = { step: 10 };
        const sends = [c.queue.send("jobs", c.state.job), c.queue.send("jobs", mine)];
        const answer = c.queue.enqueueAndWait("jobs", mine, { timeout: 5_000 });
        c.state.job.step = 2;
        mine.step = 20;
        await Promise.all(sends);
        const bodies: number[] = [];
        for (let taken = 0; taken < 3; taken++) {
          const message = await c.queue.next({ names: ["jobs"], completable: true });
          if (message !== undefined) bodies.push(message.body.step);
          await message?.complete();
        }
        await answer;
        return bodies;
      },
    },
  });
  assert.deepEqual(await call(world().create(changed), "go"), [1, 10, 10]);
});

test("a receive without a wait ignores its signal", async () => {
  const tries = actor({
    queues: { a: queue<number>() },
    actions: {
      tries: async (c) => {
        // As untyped programs pass the same options to all receives.
        const options = { names: ["a"], count: 2, signal: AbortSignal.abort() } as const;
        const none = [await c.queue.tryNext(options), await c.queue.tryNextBatch(options)];
        for (let i = 0; i < 3; i++) await c.queue.send("a", i);
        const first = await c.queue.tryNext(options);
        const others = await c.queue.tryNextBatch(options);
        return [...none, first?.body, others.map(({ body }) => body)];
      },
    },
  });
  assert.deepEqual(await call(world().create(tries), "tries"), [undefined, [], 0, [1, 2]]);
});
