import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import {
  CriticalError,
  Loop,
  type TryBlockResult,
  type TryStepResult,
  type WorkflowErrorEvent,
  workflow,
} from "@holdfast/actors/workflow";
import { call } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

test("a sleep follows the clock, including forward jumps", async () => {
  const w = workflowWorld();
  const woken: number[] = [];
  const sleeper = actor({
    options: { sleepTimeout: Number.POSITIVE_INFINITY },
    run: workflow(async (ctx) => {
      await ctx.sleep("rest", 3_600_000);
      await ctx.step("after", () => void woken.push(1));
    }),
  });
  await w.create(sleeper).ready;
  await settle();
  w.ports.clock.advance(3_600_000);
  w.ports.advance(60_000);
  await settle();
  assert.deepEqual(woken, [1]);
});

test("steps run once, in order, and change the actor together with their records", async () => {
  const ran: string[] = [];
  const order = actor({
    state: { log: [] as string[] },
    run: workflow(async (ctx) => {
      const first = await ctx.step("first", async (step) => {
        ran.push("first");
        step.state.log.push("first");
        return 1;
      });
      await ctx.sleep("rest", 1_000);
      await ctx.step({
        name: "second",
        run: (step) => {
          ran.push("second");
          step.state.log.push(`second after ${first}`);
        },
      });
    }),
    actions: { log: (c) => c.state.log },
  });
  const world = workflowWorld();
  let instance = await world.start(order);
  assert.deepEqual(await call(instance, "log"), ["first"]);
  instance = await world.restart(order, instance);
  assert.deepEqual(ran, ["first"]);
  await world.advance(1_000);
  assert.deepEqual(await call(instance, "log"), ["first", "second after 1"]);
  instance = await world.restart(order, instance);
  assert.deepEqual(ran, ["first", "second"]);
});

test("a step and its record are one commit", async () => {
  const order = actor({
    state: { n: 0 },
    run: workflow(async (ctx) => {
      await ctx.sleep("later", 1_000);
      await ctx.step("count", (step) => {
        step.state.n++;
      });
    }),
  });
  const world = workflowWorld();
  await world.start(order);
  await world.advance(1_000);
  const withState = world.store.commits.filter(
    ({ state, create }) => state !== undefined && create === undefined,
  );
  assert.equal(withState.length, 1);
  assert.ok(withState[0]?.kv?.some((write) => write.type === "put" && write.key[1] === 0x60));
});

test("a failed attempt is retried after base * 2^attempt, also across a sleep of the actor", async () => {
  const attempts: number[] = [];
  const events: WorkflowErrorEvent[] = [];
  const flaky = actor({
    state: { changed: 0 },
    run: workflow(
      async (ctx) => {
        await ctx.step("flaky", (step) => {
          attempts.push(step.attempt);
          step.state.changed++;
          if (attempts.length < 3) throw new Error(`no ${attempts.length}`);
        });
      },
      { onError: (_c, event) => void events.push(event) },
    ),
    actions: { changed: (c) => c.state.changed },
  });
  const world = workflowWorld();
  let instance = await world.start(flaky);
  assert.deepEqual(attempts, [1]);
  await world.advance(199);
  assert.deepEqual(attempts, [1]);
  await world.advance(1);
  assert.deepEqual(attempts, [1, 2]);
  instance = await world.restart(flaky, instance);
  await world.advance(399);
  assert.deepEqual(attempts, [1, 2]);
  await world.advance(1);
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.equal(await call(instance, "changed"), 3, "what a failed attempt changed stays");
  assert.deepEqual(
    events.map(
      (event) =>
        "step" in event && [
          event.step.attempt,
          event.step.willRetry,
          event.step.retryDelay,
          event.step.remainingRetries,
        ],
    ),
    [
      [1, true, 200, 3],
      [2, true, 400, 2],
    ],
  );
});

test("retries are exhausted after maxRetries plus one attempts; the failure is recorded and reported once", async () => {
  let attempts = 0;
  const events: WorkflowErrorEvent[] = [];
  const failing = actor({
    run: workflow(
      async (ctx) => {
        await ctx.step({
          name: "never",
          maxRetries: 2,
          retryBackoffBase: 1,
          run: () => {
            attempts++;
            throw new Error("no");
          },
        });
      },
      { onError: (_c, event) => void events.push(event) },
    ),
  });
  const world = workflowWorld();
  let instance = await world.start(failing);
  await world.advance(100, 20);
  assert.equal(attempts, 3);
  assert.equal(events.length, 3);
  instance = await world.restart(failing, instance);
  await world.advance(100, 5);
  assert.equal(attempts, 3);
  assert.equal(events.length, 3);
  await instance.sleep();
});

test("tryStep returns final failures as values, and the same ones in a replay", async () => {
  const results: TryStepResult<unknown>[] = [];
  const trying = actor({
    run: workflow(async (ctx) => {
      results.push(
        await ctx.tryStep("critical", () => {
          throw new CriticalError("enough");
        }),
      );
      results.push(await ctx.tryStep({ name: "late", timeout: 50, run: () => new Promise(() => {}) }));
      results.push(
        await ctx.tryStep({
          name: "tired",
          maxRetries: 0,
          run: () => {
            throw new TypeError("x");
          },
        }),
      );
      results.push(await ctx.tryStep("fine", () => 7));
      await ctx.sleep("hold", 1_000_000);
    }),
  });
  const world = workflowWorld();
  const instance = await world.start(trying);
  await world.advance(50);
  const shown = results.map((result) =>
    result.ok
      ? result.value
      : [
          result.failure.kind,
          result.failure.attempts,
          result.failure.error.name,
          result.failure.error.message,
        ],
  );
  assert.deepEqual(shown, [
    ["critical", 1, "CriticalError", "enough"],
    ["timeout", 1, "StepTimeoutError", 'Step "late" timed out after 50ms'],
    ["exhausted", 1, "TypeError", "x"],
    7,
  ]);
  const before = results.splice(0);
  await world.restart(trying, instance);
  assert.deepEqual(results, before);
});

test("a timeout is retried if requested", async () => {
  let attempts = 0;
  const late = actor({
    run: workflow(async (ctx) => {
      await ctx.step({
        name: "late",
        timeout: 10,
        retryOnTimeout: true,
        retryBackoffBase: 0,
        run: async (step) => {
          if (++attempts > 1) return;
          await new Promise((_resolve, reject) => {
            step.abortSignal.addEventListener("abort", () => reject(new Error("aborted")));
          });
        },
      });
    }),
  });
  const world = workflowWorld();
  await world.start(late);
  await world.advance(10);
  await settle();
  assert.equal(attempts, 2);
});

test("loops keep their state, continue after a restart, and delete old iterations", async () => {
  const seen: number[] = [];
  const counting = actor({
    state: { total: 0 },
    run: workflow(async (ctx) => {
      const sum = await ctx.loop({
        name: "count",
        state: { n: 0, sum: 0 },
        historyPruneInterval: 5,
        historySize: 2,
        run: async (loop, state) => {
          await loop.step("add", (step) => {
            seen.push(state.n);
            step.state.total += state.n;
          });
          if (state.n === 12) await loop.sleep("rest", 100);
          if (state.n === 20) return Loop.break(state.sum);
          return Loop.continue({ n: state.n + 1, sum: state.sum + state.n });
        },
      });
      await ctx.step("sum", (step) => {
        step.state.total += sum * 1_000;
      });
    }),
    actions: { total: (c) => c.state.total },
  });
  const world = workflowWorld();
  let instance = await world.start(counting);
  await settle(100);
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const entries = await world.store.kvList("a", {
    start: new Uint8Array([0, 0x60]),
    end: new Uint8Array([0, 0x61]),
    limit: 1_000,
  });
  assert.ok(entries.length <= 1 + 2 * (5 + 2) + 1, `${entries.length} entries`);
  instance = await world.restart(counting, instance);
  assert.equal(seen.length, 13, "no iteration runs again");
  await world.advance(100);
  await settle(100);
  assert.equal(await call(instance, "total"), 210 + 190_000);
});

test("a loop without state may return nothing", async () => {
  let rounds = 0;
  const done: unknown[] = [];
  const looping = actor({
    run: workflow(async (ctx) => {
      done.push(
        await ctx.loop("again", async () => {
          rounds++;
          if (rounds === 45) return Loop.break("enough");
          return undefined;
        }),
      );
    }),
  });
  const world = workflowWorld();
  await world.start(looping);
  await settle(50);
  assert.deepEqual([rounds, done], [45, ["enough"]]);
});

test("join waits for all branches, race takes the first and aborts the others", async () => {
  const results: unknown[] = [];
  const aborted: string[] = [];
  const branching = actor({
    run: workflow(async (ctx) => {
      results.push(
        await ctx.join("both", {
          a: { run: async (branch) => branch.step("one", () => 1) },
          b: {
            run: async (branch) => {
              await branch.sleep("wait", 50);
              return await branch.step("two", () => "two");
            },
          },
        }),
      );
      results.push(
        await ctx.race("first", [
          {
            name: "quick",
            run: async (branch) => {
              await branch.sleep("a", 10);
              return "quick";
            },
          },
          {
            name: "slow",
            run: async (branch) => {
              try {
                await branch.sleep("b", 1_000);
              } catch (error) {
                aborted.push((error as Error).name);
                throw error;
              }
              return "slow";
            },
          },
        ]),
      );
      await ctx.sleep("hold", 1_000_000);
    }),
  });
  const world = workflowWorld();
  const instance = await world.start(branching);
  await world.advance(60, 6);
  const expected = [
    { a: 1, b: "two" },
    { winner: "quick", value: "quick" },
  ];
  assert.deepEqual(results, expected);
  assert.deepEqual(aborted, ["CancelledError"]);
  results.length = 0;
  await world.restart(branching, instance);
  assert.deepEqual(results, expected);
});

test("join and race report failures by branch", async () => {
  const results: TryBlockResult<unknown>[] = [];
  const branching = actor({
    run: workflow(async (ctx) => {
      const fail = async (): Promise<never> => {
        throw new Error("bad");
      };
      results.push(
        await ctx.try("t1", (t) => t.join("j", { good: { run: async () => 1 }, bad: { run: fail } })),
      );
      results.push(
        await ctx.try("t2", (t) =>
          t.race("r", [
            { name: "x", run: fail },
            { name: "y", run: fail },
          ]),
        ),
      );
      results.push(await ctx.try("t3", (t) => t.step({ name: "s", maxRetries: 0, run: fail })));
      results.push(await ctx.try("t4", async () => 4));
    }),
  });
  const world = workflowWorld();
  await world.start(branching);
  await settle();
  assert.deepEqual(
    results.map((result) =>
      result.ok
        ? result.value
        : [result.failure.source, result.failure.error.name, result.failure.step?.kind],
    ),
    [["join", "JoinError", undefined], ["race", "RaceError", undefined], ["step", "Error", "exhausted"], 4],
  );
});

test("recorded values are returned as copies, the same in the first run and in a replay", async () => {
  const seen: unknown[] = [];
  const value = { at: new Date(5), big: 3n, map: new Map([["k", [1]]]), gone: undefined };
  const recording = actor({
    run: workflow(async (ctx) => {
      const got = await ctx.step("value", () => value);
      seen.push(got, got === value);
      seen.push([ctx.now(), ctx.random(), ctx.uuid()]);
      await ctx.sleep("hold", 1_000_000);
    }),
  });
  const world = workflowWorld();
  const instance = await world.start(recording);
  assert.deepEqual(seen.slice(0, 2), [value, false]);
  const before = seen.splice(0);
  world.ports.clock.advance(500);
  await world.restart(recording, instance);
  assert.deepEqual(seen, before);
});
