import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { workflow, workflowControl } from "@holdfast/actors/workflow";
import { call, deferred } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

interface Shown {
  readonly state: string;
  readonly error?: { readonly message: string };
}

/** An action whose transaction stays open until `leave`, and then fails. */
function failingTransaction() {
  const leave = deferred<void>();
  const inside = deferred<void>();
  return {
    leave,
    inside,
    run: (c: { transaction(fn: () => Promise<void>): Promise<void> }) =>
      c.transaction(async () => {
        inside.resolve();
        await leave.promise;
        throw new Error("undo");
      }),
  };
}

test("a step that fails while a transaction waits for it is recorded and retried", async () => {
  const world = workflowWorld();
  const failing = deferred<void>();
  const other = failingTransaction();
  let attempts = 0;
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.step({
        name: "s",
        retryBackoffBase: 0,
        run: async () => {
          if (++attempts > 1) return;
          await failing.promise;
          throw new Error("first");
        },
      });
    }),
    actions: { hold: other.run, get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  const held = call(instance, "hold");
  await settle();
  failing.resolve();
  await other.inside.promise;
  await settle();
  other.leave.resolve();
  await assert.rejects(held);
  await settle(20);
  assert.deepEqual([attempts, ((await call(instance, "get")) as Shown).state], [2, "completed"]);
});

test("a value recorded during a transaction is not rolled back with it", async () => {
  const world = workflowWorld();
  const ending = deferred<void>();
  const other = failingTransaction();
  const values: number[] = [];
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.step("s", () => ending.promise);
      // Longer than the transaction needs to start once the step is durable.
      for (let tick = 0; tick < 50; tick++) await undefined;
      values.push(ctx.random());
      await ctx.step("t", () => 1);
      await ctx.signal("never");
    }),
    actions: { hold: other.run, get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  const held = call(instance, "hold");
  await settle();
  ending.resolve();
  await other.inside.promise;
  await settle();
  other.leave.resolve();
  await assert.rejects(held);
  await settle(20);
  const woken = await world.restart(job, instance);
  assert.equal(((await call(woken, "get")) as Shown).state, "sleeping");
  assert.equal(new Set(values).size, 1);
  assert.equal(values.length, 2);
});

test("a step of a serial actor that ends during a transaction is not rolled back with it", async () => {
  const world = workflowWorld();
  const ending = deferred<void>();
  const other = failingTransaction();
  let ran = 0;
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.step("s", async () => {
        ran++;
        await ending.promise;
      });
      await ctx.signal("never");
    }),
    actions: { hold: other.run, get: (c) => workflowControl(c).status() },
    options: { concurrency: "serial" },
  });
  const instance = await world.start(job);
  const held = call(instance, "hold");
  await other.inside.promise;
  ending.resolve();
  await settle();
  other.leave.resolve();
  await assert.rejects(held);
  await settle(20);
  assert.equal(((await call(instance, "get")) as Shown).state, "sleeping");
  const woken = await world.restart(job, instance);
  assert.equal(((await call(woken, "get")) as Shown).state, "sleeping");
  assert.equal(ran, 1);
});

test("a workflow that ends during a transaction is recorded as ended after it", async () => {
  for (const fails of [false, true]) {
    const world = workflowWorld();
    const ending = deferred<void>();
    const other = failingTransaction();
    const job = actor({
      run: workflow(async () => {
        await ending.promise;
        if (fails) throw new Error("no");
      }),
      actions: { hold: other.run, get: (c) => workflowControl(c).status() },
    });
    const instance = await world.start(job);
    const held = call(instance, "hold");
    await other.inside.promise;
    ending.resolve();
    await settle();
    other.leave.resolve();
    await assert.rejects(held);
    await settle();
    assert.equal(((await call(instance, "get")) as Shown).state, fails ? "failed" : "completed");
  }
});

test("a workflow whose wait ends during a failed transaction is not asleep afterwards", async () => {
  const world = workflowWorld();
  const other = failingTransaction();
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.sleep("z", 100);
      await ctx.step({ name: "long", timeout: 0, run: () => new Promise<void>(() => {}) });
    }),
    actions: { hold: other.run, get: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(job);
  assert.equal(((await call(instance, "get")) as Shown).state, "sleeping");
  const held = call(instance, "hold");
  await other.inside.promise;
  await world.advance(100);
  other.leave.resolve();
  await assert.rejects(held);
  await settle();
  assert.equal(((await call(instance, "get")) as Shown).state, "running");
});

test("waiting for the end of a workflow blocks no transaction, including those of its steps", async () => {
  for (const concurrency of ["parallel", "serial"] as const) {
    const world = workflowWorld();
    const job = actor({
      state: { order: [] as string[] },
      run: workflow(async (ctx) => {
        await ctx.sleep("z", 100);
        await ctx.step({
          name: "s",
          atomic: true,
          run: async (c) => {
            await undefined;
            c.state.order.push("step");
          },
        });
        return "done";
      }),
      actions: {
        async result(c): Promise<unknown> {
          const result = await workflowControl(c).result(c.abortSignal);
          c.state.order.push("result");
          return [result, c.state.order];
        },
        bump: (c) => c.transaction(() => c.state.order.push("action")),
      },
      options: { concurrency },
    });
    const instance = await world.start(job);
    const result = call(instance, "result");
    await settle();
    // A serial actor runs no other action until this one has ended.
    const bumped = concurrency === "parallel" ? call(instance, "bump") : undefined;
    await settle();
    assert.deepEqual(await bumped, bumped && 1);
    await world.advance(100);
    assert.deepEqual(await result, ["done", [...(bumped === undefined ? [] : ["action"]), "step", "result"]]);
  }
});

test("callers that waited for a workflow continue outside of other transactions", async () => {
  const world = workflowWorld();
  const other = failingTransaction();
  const gone = new AbortController();
  const job = actor({
    state: { told: 0 },
    run: workflow(async (ctx) => {
      await ctx.signal("never");
    }),
    actions: {
      async result(c): Promise<void> {
        await workflowControl(c)
          .result(gone.signal)
          .catch(() => {});
        c.state.told++;
      },
      hold: other.run,
      told: (c) => c.state.told,
    },
  });
  const instance = await world.start(job);
  const result = call(instance, "result");
  await settle();
  const held = call(instance, "hold");
  await other.inside.promise;
  gone.abort();
  await settle();
  other.leave.resolve();
  await assert.rejects(held);
  await result;
  assert.equal(await call(instance, "told"), 1);
});

test("a step or a transaction that waits for its own workflow gets an error", async () => {
  const world = workflowWorld();
  const refused: unknown[] = [];
  const note = (error: { code?: unknown }) => refused.push(error.code);
  const job = actor({
    run: workflow(async (ctx) => {
      ctx.query("at", () => 1);
      await ctx.step("s", async (c) => {
        await workflowControl(c).query("at").catch(note);
        await workflowControl(c).result(c.abortSignal).catch(note);
      });
      await ctx.signal("go");
      await ctx.step("t", () => 1);
      await ctx.signal("never");
    }),
    actions: {
      ask: (c) =>
        c.transaction(async () => {
          const control = workflowControl(c);
          // It waits, so a query is answered immediately.
          const before = await control.query("at");
          await control.signal("go");
          await control.query("at").catch(note);
          await control.result(c.abortSignal).catch(note);
          return before;
        }),
      at: (c) => workflowControl(c).query("at"),
    },
  });
  const instance = await world.start(job);
  assert.equal(await call(instance, "ask"), 1);
  assert.deepEqual(refused, Array<string>(4).fill("waits_for_itself"));
  assert.equal(await call(instance, "at"), 1);
});
