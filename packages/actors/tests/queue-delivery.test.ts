import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorInstance, actor, queue } from "@holdfast/actors";
import { decodeValue, HoldfastError } from "@holdfast/core";
import type { Runtime } from "../src/internal/lifecycle/runtime.ts";
import { call, deferred, outcome, testSink, turn, world } from "./harness.ts";
import { code, codeOf, send } from "./queue-support.ts";

const options = { sleepTimeout: Number.POSITIVE_INFINITY };

/** A consumer in `run` that a test controls step by step. */
function consumer(work: () => Promise<unknown>) {
  return actor({
    options,
    state: { seen: [] as string[], others: 0 },
    queues: { jobs: queue<string>() },
    run: async (c) => {
      for await (const message of c.queue.iter()) {
        await work();
        c.state.seen.push(message.body);
      }
    },
    actions: {
      seen: (c) => [...c.state.seen],
      other: (c) => ++c.state.others,
      otherLater: async (c) => {
        await Promise.resolve();
        return ++c.state.others;
      },
    },
  });
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await turn();
}

/** The stored record keys of queues: messages and dead letters. */
async function records(store: ReturnType<typeof world>["store"], prefix: number): Promise<number> {
  const start = new Uint8Array([0, prefix]);
  return (await store.kvList("a", { start, end: new Uint8Array([0, prefix + 1]), limit: 1_000 })).length;
}

test("a plain message is stored until the changes of its consumer are", async () => {
  const { create, store } = world();
  const hold = deferred();
  let started = 0;
  const definition = consumer(() => {
    started++;
    return hold.promise;
  });
  const a = create(definition);
  await send(a, "jobs", "x");
  await until(() => started === 1);
  // Other turns commit in between: that of an action, and that of one that continues after an await.
  await call(a, "other");
  await call(a, "otherLater");
  await a.ready;
  assert.equal(await records(store, 0x41), 1);
  const commits = store.commits.length;
  hold.resolve();
  await until(async () => ((await call(a, "seen")) as string[]).length === 1);
  assert.equal(await records(store, 0x41), 0);
  const batch = store.commits.slice(commits).find(({ kv }) => kv?.some(({ type }) => type === "delete"));
  assert.ok(batch?.state, "the deletion and the change are one commit");
});

test("a crash before that causes another delivery, a crash after it none", async () => {
  const { create, wake } = world();
  const never = deferred();
  let started = 0;
  const stuck = consumer(() => {
    started++;
    return never.promise;
  });
  const a = create(stuck);
  await send(a, "jobs", "x");
  await until(() => started === 1);
  // A new owner takes over without notifying the old one: for the actor a crash.
  const b = await wake(consumer(() => Promise.resolve()));
  await until(async () => ((await call(b, "seen")) as string[]).length === 1);
  const c = await wake(consumer(() => Promise.resolve()));
  await c.ready;
  await turn();
  assert.deepEqual(await call(c, "seen"), ["x"]);
});

test("a message whose consumer changed nothing is deleted by the next receive, or the end of the action", async () => {
  const { create, store } = world();
  const got: string[] = [];
  const definition = actor({
    options,
    queues: { jobs: queue<string>(), stop: queue<string>() },
    run: async (c) => {
      for await (const message of c.queue.iter({ names: ["jobs"] })) got.push(message.body);
    },
    actions: {
      take: async (c) => (await c.queue.tryNext({ names: ["stop"] }))?.body,
      takeAndThrow: async (c) => {
        await c.queue.tryNext({ names: ["stop"] });
        throw new Error("not today");
      },
    },
  });
  const a = create(definition);
  await send(a, "jobs", "1");
  await until(() => got.length === 1);
  await send(a, "jobs", "2");
  await until(() => got.length === 2);
  await until(async () => (await records(store, 0x41)) === 0);
  await send(a, "stop", "x");
  await assert.rejects(call(a, "takeAndThrow"));
  assert.equal(await call(a, "take"), "x");
  assert.equal(await call(a, "take"), undefined);
  assert.equal(await records(store, 0x41), 0);
});

test("schedules, kv writes and sends of a consumer also commit the deletion", async () => {
  const { create, store } = world();
  const hold = deferred();
  const definition = actor({
    options,
    queues: { jobs: queue<"schedule" | "kv" | "send">(), done: queue<string>() },
    run: async (c) => {
      for await (const { body } of c.queue.iter({ names: ["jobs"] })) {
        if (body === "schedule") await c.schedule.after(60_000, "noop");
        else if (body === "kv") await c.kv.put("key", "value");
        else await c.queue.send("done", "x");
        await hold.promise;
      }
    },
    actions: { noop: () => {} },
  });
  for (const body of ["schedule", "kv", "send"] as const) {
    const a = create(definition, undefined, body);
    await send(a, "jobs", body);
    const batch = () =>
      store.commits.find(
        ({ actorId, kv }) =>
          actorId === body &&
          kv?.some((each) => each.type === "delete" && each.key[0] === 0 && each.key[1] === 0x41),
      );
    await until(() => batch() !== undefined || parts(a).queues.mailbox.find(1) === undefined);
    // A message that was added and removed within one turn leaves no record to delete.
    const written = batch()?.kv ?? store.commits.filter(({ actorId }) => actorId === body).at(-1)?.kv ?? [];
    assert.ok(
      written.some(({ type }) => type === "put"),
      `${body}: the change is in the same commit`,
    );
  }
});

test("a completion commits together with preceding changes", async () => {
  const { create, store } = world();
  const definition = actor({
    options,
    state: { done: 0 },
    queues: { jobs: queue<string>() },
    run: async (c) => {
      for await (const message of c.queue.iter({ completable: true })) {
        c.state.done++;
        await message.complete();
      }
    },
    actions: { done: (c) => c.state.done },
  });
  const a = create(definition);
  await a.ready;
  store.hold = true;
  const sent = send(a, "jobs", "x");
  await until(() => store.held.length === 1);
  assert.equal(await outcome(sent), "pending");
  store.hold = false;
  store.held.shift()?.land();
  await sent;
  await until(async () => (await call(a, "done")) === 1);
  assert.equal(await records(store, 0x41), 0);
});

const policed = actor({
  options: { ...options, maxQueueSize: 5 },
  queues: {
    flaky: queue<string>({ maxAttempts: 3, backoff: { minMs: 100, factor: 2 } }),
    moved: queue<string>({ maxAttempts: 1, deadLetter: "failed" }),
    failed: queue<string>(),
    slow: queue<string>({ visibilityTimeoutMs: 1_000 }),
    wide: queue<number>({ concurrency: 2 }),
  },
  vars: { held: [] as { complete: () => Promise<void> }[] },
  actions: {
    fail: async (c, name: "flaky" | "moved") => {
      const message = await c.queue.tryNext({ names: [name], completable: true });
      await message?.fail("it broke");
      return message?.attempt;
    },
    take: async (c, name: "flaky" | "moved" | "failed" | "slow") =>
      (await c.queue.tryNext({ names: [name] }))?.body,
    /** Keeps the message until `release`, while its action continues. */
    hold: async (c, name: "slow" | "wide", count = 1) => {
      const taken: (string | number)[] = [];
      for (let index = 0; index < count; index++) {
        const message = await c.queue.tryNext({ names: [name], completable: true });
        if (message === undefined) break;
        c.vars.held.push(message);
        taken.push(message.body);
      }
      c.broadcast("held", taken);
      await new Promise<void>((resolve) => c.abortSignal.addEventListener("abort", () => resolve()));
    },
    complete: async (c) => c.vars.held.shift()?.complete().catch(codeOf),
    tryWide: async (c) => (await c.queue.tryNext({ names: ["wide"], completable: true }))?.body,
    takeSome: async (c) =>
      (await c.queue.tryNextBatch({ names: ["failed", "wide"], count: 9 })).map(({ body }) => body),
  },
});

test("a failed message returns after its backoff, and becomes a dead letter after its last attempt", async () => {
  const { create, ports, wake } = world();
  const a = create(policed);
  await send(a, "flaky", "x");
  assert.equal(await call(a, "fail", "flaky"), 1);
  assert.equal(await call(a, "fail", "flaky"), undefined);
  ports.advance(100);
  assert.equal(await call(a, "fail", "flaky"), 2);
  ports.advance(199);
  assert.equal(await call(a, "fail", "flaky"), undefined);
  ports.advance(1);
  assert.equal(await call(a, "fail", "flaky"), 3);
  ports.advance(10_000);
  assert.equal(await call(a, "fail", "flaky"), undefined);
  const { inspector } = parts(a).queues;
  const [dead] = await inspector.deadLetters(10);
  assert.deepEqual(
    [dead?.body, dead?.attempt, dead?.death?.queue, dead?.death?.reason],
    ["x", 3, "flaky", "it broke"],
  );
  await a.sleep();
  const b = await wake(policed);
  await b.ready;
  await parts(b).queues.inspector.retry(dead?.id ?? 0);
  assert.equal(await call(b, "fail", "flaky"), 1);
  await assert.rejects(parts(b).queues.inspector.retry(99), code("queue.message_not_found"));
});

test("two simultaneous retries return a dead letter once", async () => {
  const a = world().create(policed);
  await send(a, "flaky", "x");
  const { inspector, mailbox } = parts(a).queues;
  const [message] = mailbox.all;
  assert.ok(message !== undefined);
  mailbox.moveToDeadLetters(message, "it broke");
  const outcomes = await Promise.allSettled([
    inspector.retry(message.id),
    inspector.retry(message.id),
    inspector.deleteDeadLetter(message.id),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected"],
  );
  assert.equal(inspector.size, 1);
  assert.equal(await call(a, "take", "flaky"), "x");
  assert.equal(await call(a, "take", "flaky"), undefined);
});

test("an attempt is counted before its consumer can fail, so that a crash counts", async () => {
  const { create, wake } = world();
  let instance = create(policed);
  await send(instance, "flaky", "poison");
  const poisoned = actor({
    options,
    queues: { flaky: queue<string>({ maxAttempts: 3 }) },
    run: async (c) => {
      for await (const _ of c.queue.iter()) await new Promise(() => {});
    },
    actions: { noop: () => 0 },
  });
  for (let attempt = 1; attempt <= 3; attempt++) {
    instance = await wake(poisoned);
    await until(() => parts(instance).queues.mailbox.find(1)?.attempt === attempt);
    await call(instance, "noop");
    await until(() => !(instance as Runtime).components.changes.unsettled);
  }
  instance = await wake(poisoned);
  await until(async () => (await parts(instance).queues.inspector.deadLetters(1)).length === 1);
});

test("a dead-letter queue of the same actor receives failed messages", async () => {
  const { create } = world();
  const a = create(policed);
  await send(a, "moved", "x");
  assert.equal(await call(a, "fail", "moved"), 1);
  assert.equal(await call(a, "take", "failed"), "x");
});

test("a message that exceeds its visibility timeout is delivered again, and its first consumer is notified", async () => {
  const { create, ports } = world();
  const a = create(policed);
  await send(a, "slow", "x");
  const holding = call(a, "hold", "slow");
  await until(() => parts(a).queues.mailbox.out("slow") === 1);
  ports.advance(999);
  assert.equal(await call(a, "take", "slow"), undefined);
  ports.advance(1);
  assert.equal(await call(a, "complete"), "queue.already_completed");
  assert.equal(await call(a, "take", "slow"), "x");
  void holding.catch(() => {});
});

test("the number of completable messages in delivery is limited by the concurrency", async () => {
  const { create } = world();
  const a = create(policed);
  for (const body of [1, 2, 3]) await send(a, "wide", body);
  const holding = call(a, "hold", "wide", 2);
  await until(() => parts(a).queues.mailbox.out("wide") === 2);
  assert.equal(await call(a, "tryWide"), undefined);
  await call(a, "complete");
  assert.equal(await call(a, "tryWide"), 3);
  void holding.catch(() => {});
});

test("a batch skips queues that have reached their concurrency", async () => {
  const { create } = world();
  const a = create(policed);
  for (const body of [1, 2, 3]) await send(a, "wide", body);
  await send(a, "failed", "x");
  const holding = call(a, "hold", "wide", 2);
  await until(() => parts(a).queues.mailbox.out("wide") === 2);
  assert.deepEqual(await call(a, "takeSome"), ["x"]);
  await call(a, "complete");
  assert.deepEqual(await call(a, "takeSome"), [3]);
  void holding.catch(() => {});
});

test("the inspector lists, sends, clears and deletes", async () => {
  const { create } = world();
  const a = create(policed);
  await a.ready;
  const { inspector } = parts(a).queues;
  const { id } = await inspector.send("failed", { deep: [1] }, { priority: 3 });
  await inspector.send("slow", "y", { delayMs: 500 });
  const listed = await inspector.list(1);
  assert.deepEqual([listed.size, listed.maxSize, listed.truncated], [2, 5, true]);
  assert.deepEqual(listed.messages[0]?.body, { deep: [1] });
  assert.equal((await inspector.list(10)).messages[1]?.status, "delayed");
  assert.equal(await inspector.delete(id), true);
  assert.equal(await inspector.delete(id), false);
  assert.equal(await inspector.clear(), 1);
  assert.equal(inspector.size, 0);
  await assert.rejects(inspector.send("nobody", 1), code("queue.not_defined"));
});

test("waits reject with actor.aborted when the actor stops; an iterator ends", async () => {
  const { create } = world();
  const ends: string[] = [];
  const definition = actor({
    options,
    queues: { jobs: queue<string>() },
    run: async (c) => {
      const waits = c.queue.next().catch((error: unknown) => ends.push(codeOf(error)));
      for await (const _ of c.queue.iter()) ends.push("message");
      ends.push("ended");
      await waits;
      ends.push(await c.queue.next().then(String, codeOf));
    },
    actions: {},
  });
  const a = create(definition);
  await a.ready;
  await until(() => parts(a).queues.receivers.size === 2);
  assert.equal(await a.sleep(), "slept");
  assert.deepEqual(ends.sort(), ["actor.aborted", "actor.aborted", "ended"]);
});

test("a run handler that waits for a completion does not delay the stop; an action may", async () => {
  const { create, wake } = world();
  const ends: string[] = [];
  const definition = actor({
    options,
    queues: { jobs: queue<string, string>() },
    run: async (c) => {
      const { signal } = new AbortController();
      ends.push(await c.queue.enqueueAndWait("jobs", "by run").then(String, codeOf));
      ends.push(await c.queue.enqueueAndWait("jobs", "too late", { signal }).then(String, codeOf));
    },
    actions: {
      ask: (c) => c.queue.enqueueAndWait("jobs", "by action"),
      answer: async (c) => {
        const message = await c.queue.next({ completable: true });
        await message?.complete("done");
        return message?.body;
      },
    },
  });
  const a = create(definition);
  await a.ready;
  const conn = await a.connect({}, testSink());
  const asked = call(a, "ask");
  await until(() => parts(a).queues.mailbox.size === 2);
  const stopped = a.destroy();
  assert.equal(await outcome(asked), "pending");
  assert.deepEqual(ends, ["actor.aborted", "actor.aborted"]);
  assert.equal(decodeValue(await a.invoke({ name: "answer", args: [], conn })), "by run");
  assert.equal(decodeValue(await a.invoke({ name: "answer", args: [], conn })), "by action");
  assert.equal(await asked, "done");
  assert.equal(await stopped, "destroyed");
  const b = create(definition, undefined, "b");
  await b.ready;
  assert.equal(await b.sleep(), "slept");
  assert.equal(await call(await wake(definition, "b"), "answer"), "by run");
});

test("a delayed message arrives on time after a clock jump", async () => {
  const { create, ports } = world();
  const a = create(policed);
  await a.ready;
  const { inspector } = parts(a).queues;
  const { id } = await inspector.send("slow", "later", { delayMs: 3_600_000 });
  ports.clock.advance(3_600_000);
  ports.advance(60_000);
  const { messages } = await inspector.list(1);
  assert.deepEqual([messages[0]?.id, messages[0]?.status], [id, "ready"]);
});

test("an actor whose run handler waits for messages may sleep, and one with messages restarts after a crash", async () => {
  const { create, wake, ports } = world();
  const never = deferred();
  const definition = actor({
    options: { sleepTimeout: 1_000 },
    queues: { jobs: queue<string>() },
    run: async (c) => {
      for await (const _ of c.queue.iter()) await never.promise;
    },
    actions: {},
  });
  const a = create(definition);
  await a.ready;
  await until(() => parts(a).queues.receivers.size === 1);
  assert.equal(a.wakeAt, undefined);
  ports.advance(1_000);
  assert.equal(await a.stopped, "slept");
  const b = await wake(definition);
  await send(b, "jobs", "x");
  assert.equal(b.wakeAt, ports.clock.now() + 5_000);
  ports.advance(3_600_000);
  assert.equal(b.status, "ready");
});

test("messages without a receiver let an actor sleep, and one that arrives while it falls asleep wakes it", async () => {
  const { create, ports, store } = world();
  const ended = actor({
    options,
    queues: { jobs: queue<string>() },
    run: async () => {},
    actions: {},
  });
  const a = create(ended);
  await send(a, "jobs", "x");
  await a.sleep();
  assert.equal((await store.get("a"))?.wakeAt, undefined);
  const late = actor({
    options,
    queues: { jobs: queue<string>() },
    run: async (c) => {
      for await (const _ of c.queue.iter());
    },
    onSleep: async (c) => {
      await c.queue.send("jobs", "x");
    },
    actions: {},
  });
  const b = create(late, undefined, "b");
  await b.ready;
  await until(() => parts(b).queues.receivers.size === 1);
  await b.sleep();
  assert.equal((await store.get("b"))?.wakeAt, ports.clock.now() + 5_000);
});

test("a failed transaction rolls back its messages", async () => {
  const { create } = world();
  const definition = actor({
    options,
    state: { done: 0 },
    queues: { jobs: queue<string>() },
    actions: {
      sendAndFail: (c) =>
        c
          .transaction(async () => {
            await c.queue.send("jobs", "no");
            throw new Error("back");
          })
          .catch((error: Error) => error.message),
      completeAndFail: async (c) => {
        const message = await c.queue.tryNext({ completable: true });
        const failed = await c
          .transaction(async () => {
            c.state.done++;
            await message?.complete();
            throw new Error("back");
          })
          .catch((error: Error) => error.message);
        await c.transaction(async () => {
          c.state.done++;
          await message?.complete();
        });
        return [failed, c.state.done, message?.body];
      },
      take: async (c) => (await c.queue.tryNext())?.body,
    },
  });
  const a = create(definition);
  assert.equal(await call(a, "sendAndFail"), "back");
  assert.equal(await call(a, "take"), undefined);
  await send(a, "jobs", "yes");
  assert.deepEqual(await call(a, "completeAndFail"), ["back", 1, "yes"]);
  assert.equal(await call(a, "take"), undefined);
});

test("a transaction does not wait forever for work that can only follow it", {
  timeout: 20_000,
}, async () => {
  const { create, ports } = world();
  const definition = actor({
    options: { ...options, actionTimeout: 1_000 },
    state: { sum: 0 },
    queues: { jobs: queue<number, string>() },
    actions: {
      add: (c, how: "next" | "iter" | "ask") =>
        c.transaction(async () => {
          c.state.sum += 100;
          if (how === "ask") await c.queue.enqueueAndWait("jobs", 7);
          if (how === "iter") for await (const _ of c.queue.iter()) break;
          if (how === "next") c.state.sum += (await c.queue.next()).body;
        }),
      /** A wait that its transaction does not await. */
      beside: (c) =>
        c.transaction(async () => {
          const added = c.queue.next().then(({ body }) => {
            c.state.sum += body;
          });
          c.waitUntil(added);
          await turn();
        }),
      sum: (c) => c.state.sum,
    },
  });
  const a = create(definition);
  for (const how of ["next", "iter", "ask"]) {
    const late = assert.rejects(call(a, "add", how), code("actor.action_timed_out"), how);
    const { receivers, mailbox } = parts(a).queues;
    await until(() => receivers.size + mailbox.size === 1);
    ports.advance(1_000);
    await late;
    assert.equal(await call(a, "sum"), 0, how);
  }
  await call(a, "beside");
  ports.advance(1_000);
  await send(a, "jobs", 1);
  await until(async () => (await call(a, "sum")) === 1);
});

test("a waiting consumer receives nothing from a failed transaction, and messages of a successful one after its end", async () => {
  const { create } = world();
  const seen: string[] = [];
  const definition = actor({
    options,
    queues: { jobs: queue<string>() },
    run: async (c) => {
      for await (const { body } of c.queue.iter()) seen.push(body);
    },
    actions: {
      send: (c, body: string, fails: boolean) =>
        c.transaction(async () => {
          await c.queue.send("jobs", body);
          await turn();
          seen.push("the end");
          if (fails) throw new Error("back");
        }),
    },
  });
  const a = create(definition);
  await a.ready;
  await assert.rejects(call(a, "send", "lost", true));
  await turn();
  assert.deepEqual(seen, ["the end"]);
  await call(a, "send", "kept", false);
  await until(() => seen.length > 2);
  assert.deepEqual(seen, ["the end", "the end", "kept"]);
});

test("an action that waits for a message ends with actor.aborted when its actor is destroyed", async () => {
  const { create } = world();
  const definition = actor({
    options,
    queues: { jobs: queue<string>() },
    actions: {
      wait: async (c, own: boolean) => {
        if (own) void Promise.resolve().then(() => c.destroy());
        const signal = own ? new AbortController().signal : undefined;
        return c.queue.next({ names: ["jobs"], timeout: 10_000, signal });
      },
    },
  });
  await assert.rejects(call(create(definition), "wait", true), code("actor.aborted"));
  const b = create(definition, undefined, "b");
  const waiting = assert.rejects(call(b, "wait", false), code("actor.aborted"));
  await until(() => parts(b).queues.receivers.size === 1);
  await b.destroy();
  await waiting;
});

test("a failed commit rejects the send and stops the actor", async () => {
  const { create, store } = world();
  const a = create(consumer(() => Promise.resolve()));
  await a.ready;
  store.hold = true;
  const sent = send(a, "jobs", "x");
  await until(() => store.held.length === 1);
  store.held.shift()?.fail(new HoldfastError("store", "full", "the disk is full"));
  await assert.rejects(sent, code("store.full"));
  assert.equal(await a.stopped, "failed");
  await assert.rejects(send(a, "jobs", "y"));
});

/** The internal parts of an actor, which its host does not see. */
function parts(instance: ActorInstance): import("../src/internal/lifecycle/parts.ts").Parts {
  return (instance as Runtime).components.parts;
}

test("an iterator does not complete messages of another one", async () => {
  const seen: unknown[] = [];
  const held = Promise.withResolvers<void>();
  const definition = actor({
    options,
    queues: { jobs: queue<string>(), notes: queue<string>() },
    run: async (c) => {
      const jobs = async (): Promise<void> => {
        for await (const job of c.queue.iter({ names: ["jobs"], completable: true })) {
          seen.push(job.body);
          await held.promise;
          await job.complete();
        }
      };
      const notes = async (): Promise<void> => {
        for await (const note of c.queue.iter({ names: ["notes"] })) seen.push(note.body);
      };
      await Promise.all([jobs(), notes()]);
    },
    actions: {},
  });
  const a = world().create(definition);
  await send(a, "jobs", "job");
  await send(a, "notes", "first");
  await send(a, "notes", "second");
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ["job", "first", "second"]);
  held.resolve();
});
