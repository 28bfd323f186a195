import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorInstance, actor, queue } from "@holdfast/actors";
import {
  CriticalError,
  durable,
  Loop,
  StepExhaustedError,
  workflow,
  workflowControl,
} from "@holdfast/actors/workflow";
import { isErrorCode } from "@holdfast/core";
import type { Runtime } from "../src/internal/lifecycle/runtime.ts";
import type { WorkflowPart } from "../src/internal/workflow/run/part.ts";
import { call, deferred } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

interface Shown {
  readonly state: string;
  readonly output?: unknown;
  readonly error?: { readonly message: string };
}

test("a workflow cancelled at the end of its last step stays cancelled", async () => {
  const world = workflowWorld();
  const last = deferred<number>();
  const job = durable(async (ctx) => {
    await ctx.step({ name: "last", ephemeral: true, run: () => last.promise });
    return "done";
  });
  const instance = await world.start(job, {});
  world.store.hold = true;
  const cancelled = call(instance, "cancel", "enough");
  await settle();
  last.resolve(1);
  await settle();
  world.store.hold = false;
  for (const held of world.store.held.splice(0)) held.land();
  assert.equal(await cancelled, true);
  await settle(20);
  assert.equal(((await call(instance, "get")) as Shown).state, "cancelled");
  const woken = await world.restart(job, instance);
  const shown = (await call(woken, "get")) as Shown;
  assert.deepEqual([shown.state, shown.error?.message], ["cancelled", "enough"]);
});

test("a signal is rejected if the workflow is cancelled while its history is read", async () => {
  const world = workflowWorld();
  const job = durable(async (ctx) => void (await ctx.signal("go")));
  const instance = await world.start(job, {});
  await instance.sleep();
  const read = deferred();
  const { kvGet } = world.store;
  world.store.kvGet = async (id, key) => {
    await read.promise;
    return kvGet(id, key);
  };
  const woken = await world.wake(job);
  await woken.ready;
  const refused = assert.rejects(call(woken, "signal", "go"), (error) =>
    isErrorCode(error, "workflow", "ended"),
  );
  await settle();
  assert.equal(await call(woken, "cancel"), true);
  read.resolve();
  await refused;
});

test("signals that are put back one by one keep their order", async () => {
  const world = workflowWorld();
  const job = durable(async (ctx) => {
    await ctx.signal("go");
    const names = ["c", "b", "a"];
    const payloads: unknown[] = [];
    for (const name of names) payloads.push(await ctx.signal(name, { timeout: 0 }));
    return payloads;
  });
  const instance = await world.start(job, {});
  for (const name of ["a", "b", "c"]) await call(instance, "signal", name, name);
  const { signals } = workflowOf(instance);
  for (const name of ["c", "b", "a"]) {
    assert.deepEqual(signals.take(name), { payload: name });
    signals.putBack(name, name);
  }
  await call(instance, "signal", "later");
  const woken = await world.restart(job, instance);
  await call(woken, "signal", "go");
  assert.deepEqual(await call(woken, "result"), ["c", "b", "a"]);
});

test("a workflow cancelled during continueAsNew does not start again", async () => {
  const world = workflowWorld();
  const ran: number[] = [];
  const job = durable(async (ctx, input: { n: number }): Promise<number> => {
    ran.push(input.n);
    await ctx.step("work", () => input.n);
    if (input.n === 1) world.store.hold = true;
    if (input.n < 3) return ctx.continueAsNew({ n: input.n + 1 });
    return input.n;
  });
  const instance = await world.start(job, { n: 1 });
  await settle(20);
  const cancelled = call(instance, "cancel");
  await settle();
  world.store.hold = false;
  for (const held of world.store.held.splice(0)) held.land();
  assert.equal(await cancelled, true);
  await settle(20);
  assert.deepEqual(ran, [1]);
  assert.equal(((await call(instance, "get")) as Shown).state, "cancelled");
});

test("continueAsNew with an input that cannot be recorded loses nothing", async () => {
  const world = workflowWorld();
  let runs = 0;
  let next: unknown = { bad: () => 1 };
  const job = durable(async (ctx, input: unknown): Promise<unknown> => {
    await ctx.step("work", () => ++runs);
    if (input === "first") return ctx.continueAsNew(next);
    return input;
  });
  const instance = await world.start(job, "first");
  await settle(20);
  const failed = (await call(instance, "get")) as Shown;
  assert.equal(failed.state, "failed");
  assert.match(failed.error?.message ?? "", /cannot be encoded/);
  assert.equal(runs, 1);
  next = "second";
  const woken = await world.restart(job, instance);
  await settle(20);
  assert.equal(await call(woken, "result"), "second");
  assert.equal(runs, 2);
});

test("idempotency keys are unique per step", async () => {
  const world = workflowWorld();
  const keys: string[] = [];
  let runs = 0;
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.race("r", [
        { name: "fast", run: async (branch) => void (await branch.sleep("s", 10)) },
        {
          name: "slow",
          run: async (branch) => {
            await branch.step("charge", (step) => void keys.push(step.idempotencyKey));
            await branch.sleep("t", 1_000);
          },
        },
      ]);
      if (++runs === 1) await new Promise(() => {});
      await ctx.step("refund", (step) => void keys.push(step.idempotencyKey));
    }),
    actions: { replay: (c) => workflowControl(c).replay() },
  });
  await world.start(job);
  await world.advance(20);
  const woken = await world.wake(job);
  await settle();
  assert.equal(keys.length, 2);
  await call(woken, "replay");
  await settle();
  await world.advance(20);
  await settle();
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys).size, 4, keys.join(" "));
});

test("a step may return any thenable", async () => {
  const world = workflowWorld();
  const thenable = (value: unknown) => ({
    // biome-ignore lint/suspicious/noThenProperty: what some libraries return is no promise.
    then(resolve: (value: unknown) => void): void {
      resolve(value);
    },
  });
  const job = durable(async (ctx) => [
    await ctx.step("timed", () => thenable(1)),
    await ctx.step({ name: "untimed", timeout: 0, run: () => thenable(2) }),
  ]);
  const instance = await world.start(job, {});
  await settle(20);
  assert.deepEqual(await call(instance, "result"), [1, 2]);
});

test("finished branches of a race are rolled back with the rest, also after a restart", async () => {
  for (const restarts of [false, true]) {
    for (const wins of [false, true]) {
      const world = workflowWorld();
      const undone: string[] = [];
      const reserve = (name: string) => ({
        name,
        run: () => name,
        rollback: (_: unknown, output: string) => void undone.push(output),
      });
      const job = actor({
        run: workflow(async (ctx) => {
          await ctx.rollbackCheckpoint("start");
          await ctx.race("r", [
            {
              name: "fails",
              run: async (branch) => {
                await branch.step(reserve("failed"));
                throw new Error("no");
              },
            },
            {
              name: "late",
              run: async (branch) => {
                await branch.step(reserve("late"));
                await branch.sleep("wait", 60_000);
              },
            },
            {
              name: "last",
              run: async (branch) => {
                await branch.step(reserve("last"));
                await branch.sleep("wait", 50);
                if (!wins) await branch.step({ name: "x", maxRetries: 0, run: () => fail("lost") });
              },
            },
          ]);
          await ctx.sleep("after", 100);
          await ctx.step({ name: "fatal", maxRetries: 0, run: () => fail("fatal") });
        }),
        actions: { get: (c) => workflowControl(c).status() },
        options: { sleepTimeout: Number.POSITIVE_INFINITY },
      });
      let instance = await world.start(job);
      if (restarts) instance = await world.restart(job, instance);
      await world.advance(60);
      if (restarts) instance = await world.restart(job, instance);
      if (!wins) await world.advance(60_000);
      await world.advance(200);
      await settle(20);
      assert.deepEqual(undone, ["last", "late", "failed"], `restarts ${restarts}, wins ${wins}`);
      assert.equal(((await call(instance, "get")) as Shown).state, "failed");
    }
  }
});

function fail(message: string): never {
  throw new Error(message);
}

test("rollbacks of a failed race continue after a crash", async () => {
  const world = workflowWorld();
  const undone: string[] = [];
  let blocked: ReturnType<typeof deferred<void>> | undefined = deferred<void>();
  const reserve = (name: string) => ({
    name,
    run: () => name,
    rollback: async (_: unknown, output: string) => {
      if (blocked !== undefined) await blocked.promise;
      undone.push(output);
    },
  });
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.rollbackCheckpoint("start");
      await ctx.race("r", [
        {
          name: "a",
          run: async (b) => {
            await b.step(reserve("a"));
            throw new Error("no");
          },
        },
        {
          name: "b",
          run: async (b) => {
            await b.step(reserve("b"));
            throw new Error("no");
          },
        },
      ]);
    }),
    actions: { get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  await settle(20);
  assert.equal(((await call(instance, "get")) as Shown).state, "rolling_back");
  blocked = undefined;
  const woken = await world.wake(job);
  await settle(20);
  assert.equal(((await call(woken, "get")) as Shown).state, "failed");
  assert.deepEqual(undone, ["b", "a"]);
});

test("a replay reports the same errors of a join", async () => {
  const world = workflowWorld();
  const seen: boolean[] = [];
  class Mine extends Error {}
  const job = actor({
    run: workflow(async (ctx) => {
      try {
        await ctx.join("j", {
          step: { run: (b) => b.step({ name: "s", maxRetries: 0, run: () => fail("no") }) },
          own: {
            run: async () => {
              throw new Mine("own");
            },
          },
        });
      } catch (error) {
        const { errors } = error as { errors: Record<string, Error> };
        seen.push(errors.step instanceof StepExhaustedError && errors.own instanceof Mine);
      }
      await ctx.sleep("z", 1_000_000);
    }),
  });
  const instance = await world.start(job);
  await settle();
  await world.restart(job, instance);
  assert.deepEqual(seen, [true, true]);
});

test("recorded values can be read inside a step that returns them", async () => {
  const world = workflowWorld();
  const job = durable(async (ctx) => {
    const inside = await ctx.step("s", () => [ctx.now(), ctx.random(), ctx.uuid()].length);
    const branch = await ctx.join("j", { a: { run: (b) => b.step("t", () => typeof ctx.now()) } });
    await ctx.sleep("z", 100);
    return [inside, branch.a, typeof ctx.now()];
  });
  const instance = await world.start(job, {});
  const woken = await world.restart(job, instance);
  await world.advance(200);
  assert.deepEqual(await call(woken, "result"), [3, "number", "number"]);
});

test("infinite and invalid waits", async () => {
  const world = workflowWorld();
  const errors: string[] = [];
  const job = actor({
    run: workflow(async (ctx) => {
      for (const timeout of [Number.NaN, -1, "1"]) {
        await ctx.signal("s", { timeout: timeout as number }).catch((error) => errors.push(error.code));
      }
      await ctx.race("r", [
        { name: "signal", run: (b) => b.signal("go", { timeout: Number.POSITIVE_INFINITY }) },
        { name: "sleep", run: (b) => b.sleep("z", Number.POSITIVE_INFINITY) },
        { name: "far", run: (b) => b.sleepUntil("f", Number.MAX_VALUE) },
        { name: "receive", run: (b) => b.queue.next("q", { timeout: Number.POSITIVE_INFINITY }) },
      ]);
    }),
    queues: { q: queue<string>() },
    actions: {
      get: (c) => workflowControl(c).status(),
      go: (c) => workflowControl(c).signal("go"),
    },
  });
  const instance = await world.start(job);
  assert.deepEqual(errors, ["invalid_step", "invalid_step", "invalid_step"]);
  assert.equal((await world.store.get("a"))?.wakeAt, undefined);
  const woken = await world.restart(job, instance);
  assert.equal((await world.store.get("a"))?.wakeAt, undefined);
  assert.equal(((await call(woken, "get")) as Shown).state, "sleeping");
  await call(woken, "go");
  await settle();
  assert.equal(((await call(woken, "get")) as Shown).state, "completed");
});

test("an atomic step that is waiting does not run after the workflow is cancelled", async () => {
  const world = workflowWorld();
  const busy = deferred<void>();
  const ran: string[] = [];
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.signal("go");
      await ctx.step({ name: "atomic", atomic: true, run: () => void ran.push("atomic") });
    }),
    actions: {
      get: (c) => workflowControl(c).status(),
      stop: async (c) => {
        await workflowControl(c).signal("go");
        await busy.promise;
        return workflowControl(c).cancel();
      },
    },
  });
  const instance = await world.start(job);
  const stopped = call(instance, "stop");
  await settle();
  busy.resolve();
  assert.equal(await stopped, true);
  await settle();
  assert.deepEqual(ran, []);
});

test("a failed transaction undoes the start or cancellation of a workflow", async () => {
  const world = workflowWorld();
  const inputs: unknown[] = [];
  const job = actor({
    run: (
      durable(async (ctx, input: unknown) => {
        inputs.push(input);
        await ctx.step("s", () => 1);
        await ctx.signal("go");
        return input;
      }) as unknown as { config: { run: () => Promise<void> } }
    ).config.run,
    actions: {
      start: (c, input: unknown, fails: boolean) =>
        c.transaction(async () => {
          await workflowControl(c).start(input);
          await Promise.resolve();
          if (fails) throw new Error("undo");
        }),
      cancel: (c, fails: boolean) =>
        c.transaction(async () => {
          await workflowControl(c).cancel("why");
          if (fails) throw new Error("undo");
        }),
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await assert.rejects(call(instance, "start", "first", true));
  await settle();
  assert.deepEqual(inputs, []);
  assert.equal(((await call(instance, "get")) as Shown).state, "pending");
  await call(instance, "start", "second", false);
  await settle();
  assert.deepEqual(inputs, ["second"]);
  await assert.rejects(call(instance, "cancel", true));
  await settle();
  assert.equal(((await call(instance, "get")) as Shown).state, "sleeping");
  await call(instance, "cancel", false);
  await settle();
  assert.equal(((await call(instance, "get")) as Shown).state, "cancelled");
  const woken = await world.restart(job, instance);
  assert.equal(((await call(woken, "get")) as Shown).state, "cancelled");
  assert.deepEqual(inputs, ["second"]);
});

test("a message that a lost branch has not completed is delivered to the next receive", async () => {
  const world = workflowWorld();
  const bodies: string[] = [];
  const job = actor({
    queues: { jobs: queue<string>() },
    run: workflow(async (ctx) => {
      await ctx.race("r", [
        {
          name: "worker",
          run: async (b) => {
            const message = await b.queue.next("take", { completable: true });
            bodies.push(message.body);
            await b.sleep("work", 1_000);
            await message.complete();
          },
        },
        { name: "late", run: (b) => b.sleep("z", 100) },
      ]);
      const message = await ctx.queue.next("again", { completable: true });
      bodies.push(message.body);
      await message.complete();
    }),
    actions: {
      put: (c) => c.queue.send("jobs", "one"),
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await call(instance, "put");
  await settle();
  await world.advance(200);
  await settle();
  assert.deepEqual(bodies, ["one", "one"]);
  assert.equal(((await call(instance, "get")) as Shown).state, "completed");
});

test("a loop without checkpoints does not block others", async () => {
  const world = workflowWorld();
  let stop = false;
  const job = actor({
    run: workflow(async (ctx) =>
      ctx.loop({
        name: "l",
        state: 0,
        historyPruneInterval: Number.POSITIVE_INFINITY,
        run: async (_, n: number) => (stop || n > 100_000 ? Loop.break(n) : Loop.continue(n + 1)),
      }),
    ),
    actions: {
      stop: () => {
        stop = true;
      },
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await call(instance, "stop");
  await settle(20);
  const { state, output } = (await call(instance, "get")) as Shown;
  assert.equal(state, "completed");
  assert.ok(Number(output) < 10_000, String(output));
});

test("code that ends while operations are in progress leaves none running", async () => {
  const world = workflowWorld();
  const aborted = deferred<void>();
  const job = actor({
    run: workflow(async (ctx) => {
      void ctx.step({
        name: "forgotten",
        timeout: 0,
        run: (step) =>
          new Promise<void>((resolve) => {
            step.abortSignal.addEventListener("abort", () => {
              aborted.resolve();
              resolve();
            });
          }),
      });
      await Promise.resolve();
      throw new Error("over");
    }),
    actions: { get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  await settle();
  assert.equal(((await call(instance, "get")) as Shown).state, "failed");
  await aborted.promise;
});

test("a workflow whose output is not read may return anything", async () => {
  const world = workflowWorld();
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.step("a", () => 1);
      return () => "not kept";
    }),
    actions: { get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  const { state, output } = (await call(instance, "get")) as Shown;
  assert.deepEqual([state, output], ["completed", undefined]);
  const asked = await workflowWorld().start(
    durable(async () => () => "asked for"),
    {},
  );
  await settle();
  assert.equal(((await call(asked, "get")) as Shown).state, "failed");
});

test("expired timeouts and invalid counts have no effect", async () => {
  const world = workflowWorld();
  const job = durable(async (ctx) => [
    await ctx.step({ name: "s", timeout: -1, run: async () => "no time-out" }),
    await ctx.queue.nextBatch("q", { count: 0, timeout: 0 }),
    await ctx.step({ name: "n", timeout: Number.NaN, run: () => 1 }).catch((error) => error.code),
  ]);
  const instance = await world.start(job, {});
  await settle();
  assert.deepEqual(await call(instance, "result"), ["no time-out", [], "invalid_step"]);
});

test("step errors contain the remaining attempts and the step that timed out", async () => {
  const world = workflowWorld();
  const events: unknown[] = [];
  const job = actor({
    run: workflow(
      async (ctx) => {
        await ctx.tryStep({ name: "critical", run: () => Promise.reject(new CriticalError("no")) });
        await ctx.tryStep({ name: "late", timeout: 10, run: () => new Promise(() => {}) });
      },
      {
        onError: (_, event) => {
          if ("step" in event) {
            const { remainingRetries, willRetry, error } = event.step;
            events.push([remainingRetries, willRetry, error.message, error.metadata]);
          }
        },
      },
    ),
  });
  await world.start(job);
  await world.advance(20);
  await settle();
  assert.deepEqual(events, [
    [3, false, "no", { group: "workflow", code: "critical" }],
    [
      3,
      false,
      'Step "late" timed out after 10ms',
      { group: "workflow", code: "critical", stepName: "late", timeoutMs: 10 },
    ],
  ]);
});

/** The workflow of a running actor. */
function workflowOf(instance: ActorInstance): WorkflowPart {
  const { workflow } = (instance as Runtime).components.parts;
  assert.ok(workflow);
  return workflow;
}
