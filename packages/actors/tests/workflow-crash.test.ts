import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, createInstance, queue } from "@holdfast/actors";
import { durable, Loop, workflow, workflowControl } from "@holdfast/actors/workflow";
import { HoldfastError } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { faultyStore } from "@holdfast/testing";
import { type TestPorts, testPorts } from "./harness.ts";
import { settle } from "./workflow-harness.ts";
import { forEachFailure } from "./workflow-lives.ts";

/** A workflow that uses every operation; each state change is guarded by its record. */
const everything = actor({
  state: { log: [] as string[], n: 0 },
  queues: { jobs: queue<string>() },
  run: workflow(async (ctx) => {
    const id = ctx.uuid();
    await ctx.rollbackCheckpoint("start");
    await ctx.step("first", (step) => {
      step.state.log.push("first");
      step.state.n++;
    });
    await ctx.sleep("short", 10);
    await ctx.step({
      name: "atomic",
      atomic: true,
      run: async (step) => {
        step.state.log.push("atomic");
        await step.kv.put("id", id);
      },
    });
    const joined = await ctx.join("join", {
      a: { run: (branch) => branch.step("a", async (step) => step.state.log.push("a")) },
      c: { run: (branch) => branch.step("c", (step) => step.state.log.push("c")) },
      d: { run: (branch) => branch.step("d", async (step) => step.state.log.push("d")) },
      b: {
        run: async (branch) => {
          await branch.sleep("rest", 10);
          await branch.step("b", (step) => void step.state.log.push("b"));
          return "b";
        },
      },
    });
    await ctx.loop({
      name: "loop",
      state: 0,
      historyPruneInterval: 2,
      historySize: 1,
      run: async (loop, n) => {
        await loop.step("turn", (step) => void step.state.log.push(`turn ${n}`));
        return n === 4 ? Loop.break(n) : Loop.continue(n + 1);
      },
    });
    const race = await ctx.race("race", [
      { name: "fast", run: (branch) => branch.step("fast", () => "fast") },
      { name: "slow", run: (branch) => branch.sleep("slow", 100_000).then(() => "slow") },
    ]);
    const message = await ctx.queue.next("job", { names: ["jobs"] });
    await ctx.step("last", async (step) => {
      step.state.log.push(
        `last ${joined.b} ${race.winner} ${message.body} ${(await step.kv.get("id")) === id}`,
      );
    });
  }),
  onCreate: async (c) => {
    await c.queue.send("jobs", "job");
  },
  actions: {
    get: (c) => ({ log: [...c.state.log], n: c.state.n }),
    status: (c) => workflowControl(c).status(),
  },
});

const expected = [
  "a",
  "atomic",
  "b",
  "c",
  "d",
  "first",
  "last b fast job true",
  "turn 0",
  "turn 1",
  "turn 2",
  "turn 3",
  "turn 4",
];

test("whichever commit fails, before or after it is applied, each step takes effect once", () =>
  forEachFailure(everything, "completed", (log, what) => assert.deepEqual([...log].sort(), expected, what)));

/** A workflow that rolls back steps in winning, losing and failed branches, and in deleted iterations. */
const saga = actor({
  state: { log: [] as string[] },
  queues: { jobs: queue<string>() },
  run: workflow(async (ctx) => {
    const reserve = (name: string) => ({
      name,
      run: (step: { state: { log: string[] }; idempotencyKey: string }) => {
        step.state.log.push(`do ${name}`);
        return `${name} ${ctx.now() > 0}`;
      },
      rollback: (step: { state: { log: string[] } }, output: string) =>
        void step.state.log.push(`undo ${output}`),
    });
    await ctx.rollbackCheckpoint("start");
    await ctx.loop({
      name: "loop",
      state: 0,
      historyPruneInterval: 1,
      historySize: 0,
      run: async (loop, n) => {
        await loop.step(reserve(`turn${n}`));
        return n === 2 ? Loop.break(n) : Loop.continue(n + 1);
      },
    });
    await ctx.race("race", [
      {
        name: "lost",
        run: async (branch) => {
          await branch.step(reserve("lost"));
          const message = await branch.queue.next("take", { completable: true });
          await branch.sleep("long", 100_000);
          await message.complete();
        },
      },
      {
        name: "failed",
        run: async (branch) => {
          await branch.step(reserve("failed"));
          throw new Error("planned");
        },
      },
      { name: "won", run: (branch) => branch.step(reserve("won")).then(() => branch.sleep("short", 20)) },
    ]);
    const message = await ctx.queue.next("again", { completable: true });
    await ctx.step("taken", (step) => void step.state.log.push(message.body));
    await message.complete();
    await ctx.join("join", {
      a: { run: (branch) => branch.step(reserve("a")) },
      b: { run: (branch) => branch.step(reserve("b")) },
    });
    throw new Error("end");
  }),
  onCreate: async (c) => {
    await c.queue.send("jobs", "job");
  },
  actions: { get: (c) => ({ log: [...c.state.log] }), status: (c) => workflowControl(c).status() },
});

test("whichever commit fails, each completed step is rolled back once", () => {
  const done = ["turn0", "turn1", "turn2", "lost", "failed", "won", "a", "b"];
  const all = [...done.map((name) => `do ${name}`), ...done.map((name) => `undo ${name} true`), "job"].sort();
  return forEachFailure(saga, "failed", (log, what) => assert.deepEqual([...log].sort(), all, what));
});

test("a running workflow is due for a wake immediately, a waiting one at the end of its wait, an ended one never", async () => {
  const ports = testPorts();
  const store = createMemoryStore({ ports });
  const host = { ports, store, report: () => {}, client: () => ({}) };
  const gate = Promise.withResolvers<void>();
  const definition = actor({
    run: workflow(async (ctx) => {
      await ctx.step("a", () => 1);
      await ctx.step("hold", () => gate.promise);
      await ctx.sleep("rest", 5_000);
    }),
  });
  const instance = createInstance({
    definition,
    id: "a",
    name: "t",
    key: ["a"],
    host,
    epoch: 1,
    start: { type: "create" },
  });
  await instance.ready;
  await settle();
  assert.ok(((await store.get("a"))?.wakeAt ?? Number.POSITIVE_INFINITY) <= ports.clock.now());
  gate.resolve();
  await settle();
  assert.equal((await store.get("a"))?.wakeAt, ports.clock.now() + 5_000);
  ports.advance(5_000);
  await settle();
  assert.equal((await store.get("a"))?.wakeAt, undefined);
});

test("a child is due for a wake until its parent has received its result", async () => {
  const ports = testPorts();
  const store = createMemoryStore({ ports });
  let told = 0;
  // The first time, the process dies before the response.
  const action = (): Promise<unknown> => (++told === 1 ? new Promise(() => {}) : Promise.resolve(true));
  const host = { ports, store, report: () => {}, client: () => ({ boss: { get: () => ({ action }) } }) };
  const definition = durable(async () => "done");
  const options = { definition, id: "a", name: "t", key: ["a"], host };
  const child = createInstance({ ...options, epoch: 1, start: { type: "create" } });
  const parent = { name: "boss", key: ["b"], token: "t" };
  await child.invoke({ name: "$workflow.start", args: [undefined, parent] });
  await settle();
  assert.equal(told, 1);
  assert.ok(((await store.get("a"))?.wakeAt ?? Number.POSITIVE_INFINITY) <= ports.clock.now());
  const loaded = await store.acquire("a");
  const { epoch } = loaded.record;
  await createInstance({ ...options, epoch, start: { type: "wake", loaded } }).ready;
  await settle();
  assert.equal(told, 2);
  assert.equal((await store.get("a"))?.wakeAt, undefined);
});

/** A store that fails one read of a cold record. */
function unreadable(ports: TestPorts) {
  const store = faultyStore(createMemoryStore({ ports }));
  const failNext = () => store.plan({ operation: "kvGet", nth: store.calls("kvGet") + 1, when: "before" });
  return { store, failNext };
}

test("a child whose result cannot be read reports it once it can", async () => {
  const ports = testPorts();
  const { store, failNext } = unreadable(ports);
  const outcomes: unknown[] = [];
  let isReachable = false;
  const action = async ({ args }: { readonly args: readonly unknown[] }): Promise<unknown> => {
    if (!isReachable) return new Promise(() => {});
    return outcomes.push(args[1]);
  };
  const host = { ports, store, report: () => {}, client: () => ({ boss: { get: () => ({ action }) } }) };
  const options = { definition: durable(async () => "done"), id: "a", name: "t", key: ["a"], host };
  const child = createInstance({ ...options, epoch: 1, start: { type: "create" } });
  await child.invoke({
    name: "$workflow.start",
    args: [undefined, { name: "boss", key: ["b"], token: "t" }],
  });
  await settle();
  // The process dies before the parent has answered.
  isReachable = true;
  const loaded = await store.acquire("a");
  failNext();
  const { epoch } = loaded.record;
  await createInstance({ ...options, epoch, start: { type: "wake", loaded } }).ready;
  await settle();
  assert.deepEqual(outcomes, []);
  ports.advance(1_000);
  await settle();
  assert.deepEqual(outcomes, [{ ok: true, output: "done" }]);
  assert.equal((await store.get("a"))?.wakeAt, undefined);
});

test("a child that is replayed before its parent has its result reports the new one", async () => {
  const ports = testPorts();
  const store = createMemoryStore({ ports });
  const outcomes: unknown[] = [];
  let isReachable = false;
  const action = async ({ args }: { readonly args: readonly unknown[] }): Promise<unknown> => {
    if (!isReachable) throw new HoldfastError("client", "network_error", "The parent is away");
    return outcomes.push(args[1]);
  };
  const host = { ports, store, report: () => {}, client: () => ({ boss: { get: () => ({ action }) } }) };
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const definition = durable((ctx) =>
    ctx.step("work", async () => {
      if (++runs > 1) await gate.promise;
      return runs;
    }),
  );
  const options = { definition, id: "a", name: "t", key: ["a"], host };
  const child = createInstance({ ...options, epoch: 1, start: { type: "create" } });
  const parent = { name: "boss", key: ["b"], token: "t" };
  await child.invoke({ name: "$workflow.start", args: [undefined, parent] });
  await settle();
  await child.inspect().workflow.replay();
  isReachable = true;
  ports.advance(1_000);
  await settle();
  assert.deepEqual(outcomes, []);
  gate.resolve();
  await settle();
  assert.deepEqual(outcomes, [{ ok: true, output: 2 }]);
  assert.equal((await store.get("a"))?.wakeAt, undefined);
});

test("a workflow that cannot be read continues once it can, and a stop does not wait for it", async () => {
  const ports = testPorts();
  const { store, failNext } = unreadable(ports);
  const host = { ports, store, report: () => {}, client: () => ({}) };
  const done: string[] = [];
  const definition = actor({
    run: workflow(async (ctx) => {
      await ctx.step("first", () => void done.push("first"));
      await ctx.sleep("pause", 1_000);
      await ctx.step("second", () => void done.push("second"));
    }),
  });
  const options = { definition, id: "a", name: "t", key: ["a"], host };
  const wake = async () => {
    const loaded = await store.acquire("a");
    failNext();
    const { epoch } = loaded.record;
    const instance = createInstance({ ...options, epoch, start: { type: "wake", loaded } });
    await instance.ready;
    await settle();
    return instance;
  };
  const instance = createInstance({ ...options, epoch: 1, start: { type: "create" } });
  await instance.ready;
  await settle();
  await instance.sleep();
  assert.equal(await (await wake()).sleep(), "slept");
  await wake();
  ports.advance(2_000);
  await settle();
  ports.advance(2_000);
  await settle();
  assert.deepEqual(done, ["first", "second"]);
});

test("waits survive the last commit of onSleep, and code that catches all errors still ends", async () => {
  const ports = testPorts();
  const store = createMemoryStore({ ports });
  const host = { ports, store, report: () => {}, client: () => ({}) };
  let refused = 0;
  const definition = actor({
    state: { slept: 0 },
    onSleep: (c) => {
      c.state.slept++;
    },
    run: workflow(async (ctx) => {
      for (let n = 0; ; n++) {
        try {
          await ctx.sleep(`s${n}`, 5_000);
        } catch {
          refused++;
        }
      }
    }),
  });
  const options = { definition, id: "a", name: "t", key: ["a"], host };
  const instance = createInstance({ ...options, epoch: 1, start: { type: "create" } });
  await instance.ready;
  await settle();
  const due = ports.clock.now() + 5_000;
  assert.equal(await instance.sleep(), "slept");
  assert.equal((await store.get("a"))?.wakeAt, due);
  assert.ok(refused > 0 && refused < 2_000);
});
