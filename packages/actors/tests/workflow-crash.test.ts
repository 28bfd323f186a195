import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorInstance, actor, createInstance, queue } from "@holdfast/actors";
import { Loop, workflow, workflowControl } from "@holdfast/actors/workflow";
import { createMemoryStore, type FaultyStore, faultyStore } from "@holdfast/testing";
import { call, testPorts } from "./harness.ts";
import { settle } from "./workflow-harness.ts";

/** A workflow that uses everything; each effect on the state is guarded by its record. */
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

interface Life {
  readonly store: FaultyStore;
  /** Runs until the workflow has ended, starting the actor again whenever it has gone. */
  live(): Promise<{ readonly log: string[]; readonly restarts: number }>;
}

function life(fail?: { readonly nth: number; readonly when: "before" | "after" }): Life {
  const ports = testPorts();
  const store = faultyStore(
    createMemoryStore({ ports }),
    fail === undefined ? [] : [{ operation: "commit", ...fail }],
  );
  const host = { ports, store, report: () => {}, client: () => ({}) };
  const options = { definition: everything, id: "a", name: "test", key: ["a"], host };
  const start = async (): Promise<ActorInstance> => {
    const record = await store.get("a");
    if (record === undefined) return createInstance({ ...options, epoch: 1, start: { type: "create" } });
    const loaded = await store.acquire("a");
    return createInstance({ ...options, epoch: loaded.record.epoch, start: { type: "wake", loaded } });
  };
  return {
    store,
    async live() {
      let restarts = 0;
      let instance = await start();
      for (let round = 0; round < 200; round++) {
        await settle(4);
        if (instance.status === "stopped") {
          restarts++;
          instance = await start();
          continue;
        }
        try {
          const status = (await call(instance, "status")) as { state: string; error?: unknown };
          if (status.state === "completed") {
            const { log } = (await call(instance, "get")) as { log: string[] };
            await instance.sleep();
            if ((instance.status as string) === "stopped" && (await instance.stopped) === "slept")
              return { log, restarts };
          } else assert.notEqual(status.state, "failed", JSON.stringify(status.error));
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
        ports.advance(10);
      }
      throw new Error("the workflow has not ended");
    },
  };
}

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

test("whichever commit fails, before or after it was applied, every step has its effect once", async () => {
  const whole = life();
  const { log } = await whole.live();
  assert.deepEqual([...log].sort(), expected);
  const commits = whole.store.calls("commit");
  assert.ok(commits > 15, `${commits} commits`);
  for (const when of ["before", "after"] as const) {
    for (let nth = 1; nth <= commits; nth++) {
      const broken = life({ nth, when });
      const ended = await broken.live();
      assert.deepEqual([...ended.log].sort(), expected, `commit ${nth} failed ${when} it was applied`);
      assert.ok(ended.restarts >= 1, `commit ${nth} ${when}: ${ended.restarts} restarts`);
    }
  }
});

test("a workflow that runs is due for a wake at once, one that waits when its wait ends, one that has ended never", async () => {
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

test("what is waited for survives a last commit of onSleep, and code that swallows every error ends", async () => {
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
