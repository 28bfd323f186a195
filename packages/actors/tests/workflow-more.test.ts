import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyDefinition, actor, queue } from "@holdfast/actors";
import { durable, Loop, workflow, workflowControl } from "@holdfast/actors/workflow";
import { decodeValue, isErrorCode } from "@holdfast/core";
import { call, deferred } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

test("an atomic step runs exclusively, and a failed attempt leaves no change", async () => {
  const inside = deferred();
  let attempts = 0;
  const transfer = actor({
    state: { a: 10, b: 0 },
    run: workflow(async (ctx) => {
      await ctx.step({
        name: "move",
        atomic: true,
        retryBackoffBase: 0,
        run: async (step) => {
          step.state.a -= 5;
          await step.kv.put("moved", "yes");
          if (++attempts === 1) {
            await inside.promise;
            throw new Error("half-way");
          }
          step.state.b += 5;
        },
      });
    }),
    actions: {
      get: async (c) => [c.state.a, c.state.b, await c.kv.get("moved")],
      status: (c) => workflowControl(c).status(),
    },
  });
  const world = workflowWorld();
  const instance = world.create(transfer);
  await instance.ready;
  await settle();
  let seen: unknown;
  const reading = call(instance, "get").then((value) => {
    seen = value;
  });
  await settle();
  assert.equal(seen, undefined, "actions wait for the transaction");
  inside.resolve();
  await reading;
  assert.deepEqual(seen, [10, 0, null]);
  await settle();
  assert.deepEqual(await call(instance, "get"), [5, 5, "yes"]);
  assert.equal(attempts, 2);
});

test("the idempotency key is the same for all attempts and differs between steps", async () => {
  const keys: string[] = [];
  const flaky = actor({
    run: workflow(async (ctx) => {
      for (const name of ["a", "b"]) {
        let failed = false;
        await ctx.step({
          name,
          retryBackoffBase: 0,
          run: (step) => {
            keys.push(step.idempotencyKey);
            if (failed) return;
            failed = true;
            throw new Error("again");
          },
        });
      }
    }),
  });
  const world = workflowWorld();
  await world.start(flaky);
  await settle();
  assert.equal(keys.length, 4);
  assert.equal(keys[0], keys[1]);
  assert.equal(keys[2], keys[3]);
  assert.notEqual(keys[0], keys[2]);
});

test("concurrency limits the steps of one name across branches", async () => {
  let now = 0;
  let most = 0;
  const order: string[] = [];
  const wide = actor({
    run: workflow(async (ctx) => {
      const branch = (name: string) => ({
        run: async (b: typeof ctx) =>
          b.step({
            name: "work",
            concurrency: 2,
            run: async () => {
              most = Math.max(most, ++now);
              await new Promise((resolve) => setImmediate(resolve));
              now--;
              order.push(name);
            },
          }),
      });
      await ctx.join("all", {
        a: branch("a"),
        b: branch("b"),
        c: branch("c"),
        d: branch("d"),
        e: branch("e"),
      });
    }),
  });
  const world = workflowWorld();
  await world.start(wide);
  await settle(30);
  assert.equal(most, 2);
  assert.equal(order.length, 5);
});

const inbox = actor({
  state: { got: [] as string[] },
  queues: { jobs: queue<string, string>(), other: queue<string>() },
  run: workflow(async (ctx) => {
    await ctx.loop("work", async (loop) => {
      const job = await loop.queue.next("job", { names: ["jobs"], completable: true });
      await loop.step("do", (step) => {
        step.state.got.push(job.body);
      });
      await job.complete(`done ${job.body}`);
      return job.body === "stop" ? Loop.break("ended") : undefined;
    });
    const batch = await ctx.queue.nextBatch("rest", { names: ["other"], count: 5 });
    const none = await ctx.queue.nextBatch("none", { names: ["other"], timeout: 100 });
    let late = "";
    try {
      await ctx.queue.next("late", { names: ["other"], timeout: 100 });
    } catch (error) {
      late = (error as Error).message;
    }
    await ctx.step("end", (step) => {
      step.state.got.push(`${batch.map(({ body }) => body).join("+")} ${none.length} ${late.slice(0, 25)}`);
    });
  }),
  actions: {
    send: (c, name: "jobs" | "other", body: string) => c.queue.send(name, body).then(() => {}),
    ask: (c, body: string) => c.queue.enqueueAndWait("jobs", body),
    got: (c) => c.state.got,
  },
});

test("messages are received and completed once, and their senders get answers, across restarts", async () => {
  const world = workflowWorld();
  let instance = await world.start(inbox);
  const asked = call(instance, "ask", "first");
  await settle(30);
  assert.equal(await asked, "done first");
  await call(instance, "send", "jobs", "second");
  await settle(30);
  instance = await world.restart(inbox, instance);
  await call(instance, "send", "jobs", "stop");
  await settle(30);
  assert.deepEqual(await call(instance, "got"), ["first", "second", "stop"]);
  await call(instance, "send", "other", "x");
  await settle(30);
  instance = await world.restart(inbox, instance);
  await world.advance(100);
  await settle(30);
  await world.advance(100);
  await settle(30);
  assert.deepEqual(((await call(instance, "got")) as string[]).slice(3), ['x 0 queue.next("late") timed ']);
});

test("signals wait until the workflow reads them; queries see its current data", async () => {
  const approval = actor({
    state: { result: "" },
    run: workflow(async (ctx) => {
      let stage = "waiting";
      ctx.query("stage", (suffix: string) => `${stage}${suffix}`);
      const decision = await ctx.signal<{ ok: boolean }>("decision");
      stage = "decided";
      const nothing = await ctx.signal("never", { timeout: 100 });
      await ctx.step("end", (step) => {
        step.state.result = `${decision.ok} ${nothing}`;
      });
    }),
    actions: {
      signal: (c, name: string, payload: unknown) => workflowControl(c).signal(name, payload),
      ask: (c, suffix: string) => workflowControl(c).query("stage", suffix),
      unknown: (c) => workflowControl(c).query("nope"),
      result: (c) => c.state.result,
    },
  });
  const world = workflowWorld();
  let instance = await world.start(approval);
  assert.equal(await call(instance, "ask", "!"), "waiting!");
  await assert.rejects(call(instance, "unknown"), (error) =>
    isErrorCode(error, "workflow", "query_not_found"),
  );
  await call(instance, "signal", "decision", { ok: true });
  await settle();
  instance = await world.restart(approval, instance);
  assert.equal(await call(instance, "ask", "?"), "decided?");
  await world.advance(100);
  assert.equal(await call(instance, "result"), "true undefined");
  await assert.rejects(call(instance, "signal", "late", 1), (error) =>
    isErrorCode(error, "workflow", "ended"),
  );
});

test("signals are limited", async () => {
  const waiting = actor({
    run: workflow(async (ctx) => {
      await ctx.signal("go");
    }),
    actions: { signal: (c, name: string, payload: unknown) => workflowControl(c).signal(name, payload) },
  });
  const world = workflowWorld();
  const instance = await world.start(waiting);
  await assert.rejects(call(instance, "signal", "x", "y".repeat(65_534)), (error) =>
    isErrorCode(error, "workflow", "signal_too_large"),
  );
  await call(instance, "signal", "x", "y".repeat(65_533));
  for (let n = 1; n < 1_000; n++) await call(instance, "signal", "x", n);
  await assert.rejects(call(instance, "signal", "x", 0), (error) =>
    isErrorCode(error, "workflow", "signals_full"),
  );
});

test("a durable function starts once, returns a result, and can be cancelled", async () => {
  const aborted: unknown[] = [];
  const double = durable(async (ctx, input: { n: number }) => {
    await ctx.step("think", () => 1);
    if (input.n < 0) {
      await ctx.step({
        name: "for ever",
        timeout: 0,
        run: (step) =>
          new Promise<void>((resolve) => {
            step.abortSignal.addEventListener("abort", () => {
              aborted.push(step.abortSignal.reason);
              resolve();
            });
          }),
      });
    }
    if (input.n === 0) throw new Error("zero");
    return input.n * 2;
  });
  const world = workflowWorld();
  const one = await world.start(double, { n: 21 });
  assert.equal(await call(one, "result"), 42);
  assert.equal(await call(one, "start", { n: 1 }), false);
  const status = (await call(one, "get")) as { state: string; output: number };
  assert.deepEqual([status.state, status.output], ["completed", 42]);
  const again = await world.restart(double, one);
  assert.equal(await call(again, "result"), 42);

  const other = workflowWorld();
  const idle = await other.start(double);
  assert.equal(((await call(idle, "get")) as { state: string }).state, "pending");
  assert.equal(await call(idle, "start", { n: -1 }), true);
  await settle();
  const waiting = call(idle, "result");
  assert.equal(await call(idle, "cancel", "enough"), true);
  await assert.rejects(
    waiting,
    (error) => isErrorCode(error, "workflow", "cancelled") && error.message === "enough",
  );
  assert.equal(aborted.length, 1);
  assert.equal(await call(idle, "cancel"), false);
  const woken = await other.restart(double, idle);
  assert.equal(((await call(woken, "get")) as { state: string }).state, "cancelled");

  const third = workflowWorld();
  const failing = await third.start(double, { n: 0 });
  await assert.rejects(
    call(failing, "result"),
    (error) => isErrorCode(error, "workflow", "failed") && error.message === "zero",
  );
});

test("the input of an actor is passed to its workflow, also after a restart", async () => {
  const actions = { status: (c: object) => workflowControl(c).status() };
  const shipment = workflow({
    createState: (_c, input: { to: string }) => ({ to: input.to }),
    run: async (ctx, input) => {
      await ctx.sleep("a moment", 1_000);
      return `${input.to}, ${ctx.input.to}`;
    },
    actions,
  });
  const run = workflow(async (ctx) => ctx.input);
  const plain = actor({ run, actions });
  const other = actor({
    run,
    onCreate: async (c, input: number) => void (await workflowControl(c).start(input + 1)),
    actions,
  });
  const outputOf = async (definition: AnyDefinition, input: unknown): Promise<unknown> => {
    const world = workflowWorld();
    const woken = await world.restart(definition, await world.start(definition, input));
    await world.advance(1_000);
    return ((await call(woken, "status")) as { readonly output?: unknown }).output;
  };
  assert.equal(await outputOf(shipment, { to: "Ada" }), "Ada, Ada");
  assert.equal(await outputOf(plain, 7), 7);
  assert.equal(await outputOf(plain, undefined), undefined);
  assert.equal(await outputOf(other, 7), 8);
});

test("continueAsNew starts with an empty history and a new input", async () => {
  const inputs: number[] = [];
  const counting = durable(async (ctx, input: { n: number }): Promise<number> => {
    inputs.push(input.n);
    await ctx.step("work", () => input.n);
    if (input.n < 5) return ctx.continueAsNew({ n: input.n + 1 });
    return input.n;
  });
  const world = workflowWorld();
  const instance = await world.start(counting, { n: 1 });
  await settle(40);
  assert.equal(await call(instance, "result"), 5);
  assert.deepEqual(inputs, [1, 2, 3, 4, 5]);
  const entries = await world.store.kvList("a", {
    start: new Uint8Array([0, 0x60, 1]),
    end: new Uint8Array([0, 0x60, 2]),
    limit: 100,
  });
  assert.equal(entries.length, 1);
});

test("an ended workflow can be inspected, and replayed from an entry", async () => {
  const ran: string[] = [];
  const steps = actor({
    run: workflow(async (ctx) => {
      for (const name of ["a", "b", "c"]) {
        await ctx.step(name, () => {
          ran.push(name);
          return ran.length;
        });
      }
      await ctx.loop("l", async (loop) => {
        await loop.step("in", () => void ran.push("in"));
        return Loop.break(1);
      });
    }),
    actions: {
      inspect: (c) => workflowControl(c).inspect(),
      replay: (c, id?: string) => workflowControl(c).replay(id),
    },
  });
  const world = workflowWorld();
  const instance = await world.start(steps);
  await settle(20);
  const shown = (await call(instance, "inspect")) as Awaited<
    ReturnType<ReturnType<typeof workflowControl>["inspect"]>
  >;
  assert.equal(shown.workflowState, "completed");
  assert.deepEqual(shown.history?.nameRegistry, ["a", "b", "c", "l", "in"]);
  const tags = shown.history?.entries.map(({ kind }) => kind.tag);
  assert.deepEqual(tags, [
    "WorkflowStepEntry",
    "WorkflowStepEntry",
    "WorkflowStepEntry",
    "WorkflowLoopEntry",
    "WorkflowStepEntry",
  ]);
  const last = shown.history?.entries[4];
  assert.deepEqual(last?.location, [
    { tag: "WorkflowNameIndex", val: 3 },
    { tag: "WorkflowLoopIterationMarker", val: { loop: 3, iteration: 0 } },
    { tag: "WorkflowNameIndex", val: 4 },
  ]);
  assert.equal(shown.history?.entryMetadata[last?.id ?? ""]?.status, "completed");
  ran.length = 0;
  await call(instance, "replay", shown.history?.entries[1]?.id);
  await settle(20);
  assert.deepEqual(ran, ["b", "c", "in"]);
  ran.length = 0;
  const after = (await call(instance, "inspect")) as typeof shown;
  await call(instance, "replay", after.history?.entries[4]?.id);
  await settle(20);
  assert.deepEqual(ran, ["in"]);
  ran.length = 0;
  await call(instance, "replay");
  await settle(20);
  assert.deepEqual(ran, ["a", "b", "c", "in"]);
  await assert.rejects(call(instance, "replay", "9-9"), (error) =>
    isErrorCode(error, "workflow", "entry_not_found"),
  );
});

test("a workflow in flight cannot be replayed", async () => {
  const waiting = actor({
    run: workflow(async (ctx) => {
      await ctx.sleep("long", 1_000_000);
    }),
    actions: { replay: (c) => workflowControl(c).replay() },
  });
  const world = workflowWorld();
  const instance = await world.start(waiting);
  await assert.rejects(call(instance, "replay"), (error) =>
    isErrorCode(error, "actor", "workflow_in_flight"),
  );
});

/** Nested lists. */
function nested(levels: number): unknown {
  let value: unknown = "innermost";
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

for (const levels of [64, 500]) {
  test(`a recorded value may have ${levels} levels and survives a restart`, async () => {
    let made = 0;
    const job = durable(async (ctx, input: unknown) => {
      const output = await ctx.step("make", () => {
        made++;
        return [nested(levels - 1)];
      });
      return [input, output, await ctx.signal("go")];
    });
    const world = workflowWorld();
    const instance = await world.start(job, nested(levels));
    const woken = await world.restart(job, instance);
    await call(woken, "signal", "go", nested(levels));
    await settle(20);
    const last = await world.restart(job, woken);
    const shown = decodeValue(await last.invoke({ name: "get", args: [] }), { maxDepth: 1_000 });
    const { state, output } = shown as { readonly state: string; readonly output: unknown };
    assert.deepEqual([state, made], ["completed", 1]);
    assert.deepEqual(output, [nested(levels), nested(levels), nested(levels)]);
  });
}

test("a step fails if its output is nested too deeply, and the workflow stays readable", async () => {
  const job = durable(async (ctx) => {
    const outcome = await ctx.tryStep({ name: "make", maxRetries: 0, run: () => nested(1_000) });
    return outcome.ok ? "kept" : outcome.failure.error.message;
  });
  const world = workflowWorld();
  const instance = await world.start(job, {});
  const woken = await world.restart(job, instance);
  assert.match(String(((await call(woken, "get")) as { readonly output: unknown }).output), /deeper than/);
});
