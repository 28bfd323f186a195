import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, db, queue } from "@holdfast/actors";
import {
  WorkflowContext,
  type WorkflowErrorEvent,
  WorkflowStepContext,
  workflow,
  workflowControl,
} from "@holdfast/actors/workflow";
import { isErrorCode } from "@holdfast/core";
import { call, deferred } from "./harness.ts";
import { send } from "./queue-support.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

test("a step starts when the preceding one is durable, unless that is ephemeral", async () => {
  const ran: string[] = [];
  const steps = actor({
    run: workflow(async (ctx) => {
      await ctx.step("first", () => void ran.push("first"));
      await ctx.step({ name: "quick", ephemeral: true, run: () => void ran.push("quick") });
      await ctx.step({ name: "quick too", ephemeral: true, run: () => void ran.push("quick too") });
      await ctx.step("second", () => void ran.push("second"));
      await ctx.step("third", () => void ran.push("third"));
    }),
  });
  const world = workflowWorld();
  const instance = world.create(steps);
  await instance.ready;
  world.store.hold = true;
  await settle();
  // The commit of the start may include the first step.
  while (ran.length === 0) await settle(1);
  if (world.store.held.length === 0) assert.ok(ran.includes("first"));
  const land = async (): Promise<void> => {
    world.store.held.shift()?.land();
    await settle();
  };
  while (!ran.includes("quick")) await land();
  assert.deepEqual(ran, ["first", "quick", "quick too", "second"], "one commit lets all of these run");
  await land();
  await land();
  assert.ok(ran.includes("third"));
});

test("times may be fractions of milliseconds", async () => {
  const woken: string[] = [];
  const waits = actor({
    queues: { q: queue<number>() },
    run: workflow(async (ctx) => {
      await ctx.sleep("sleep", 1.5);
      await ctx.sleepUntil("until", ctx.now() + 1.25);
      await ctx.queue.nextBatch("none", { names: ["q"], timeout: 2.5 });
      await ctx.tryStep({
        name: "fails",
        maxRetries: 1,
        retryBackoffBase: 0.3,
        run: () => {
          throw new Error("no");
        },
      });
      woken.push("done");
    }),
  });
  const world = workflowWorld();
  await world.start(waits);
  await world.advance(20, 20);
  assert.deepEqual(woken, ["done"]);
  const times = world.store.commits.flatMap(({ wakeAt }) => wakeAt ?? []);
  assert.ok(times.length >= 4);
  assert.ok(times.every(Number.isInteger), times.join());
});

test("branches may have names of Object.prototype members", async () => {
  const names = ["constructor", "toString", "__proto__", "hasOwnProperty"];
  const results: unknown[] = [];
  const odd = actor({
    run: workflow(async (ctx) => {
      const branches = names.map((name) => [name, { run: async () => name }] as const);
      const joined = await ctx.join("join", Object.fromEntries(branches));
      const fails = { run: () => Promise.reject(new Error("no")) };
      const failed = await ctx.try("try", (inner) =>
        inner.join("fails", { toString: fails, valueOf: fails }),
      );
      const lost = names.map((name) => ({ name, run: () => Promise.reject(new Error("no")) }));
      const won = { name: "valueOf", run: async () => "won" };
      results.push(Object.entries(joined), failed.ok, await ctx.race("race", [...lost, won]));
      await ctx.sleep("sleep", 10);
    }),
  });
  const world = workflowWorld();
  const expected = [names.map((name) => [name, name]), false, { winner: "valueOf", value: "won" }];
  const next = await world.restart(odd, await world.start(odd));
  assert.deepEqual(results, [...expected, ...expected]);
  await next.sleep();
});

test("names may start with a byte order mark", async () => {
  const ran: string[] = [];
  const named = actor({
    run: workflow(async (ctx) => {
      await ctx.step("\ufefffirst", () => void ran.push("first"));
      await ctx.sleep("a second", 1_000);
      await ctx.step("second", () => void ran.push("second"));
    }),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const woken = await world.restart(named, await world.start(named));
  await world.advance(1_000);
  assert.deepEqual(ran, ["first", "second"]);
  assert.equal(((await call(woken, "status")) as { readonly state: string }).state, "completed");
});

test("contexts can be recognized by their names, which exist at run time", async () => {
  const known: boolean[] = [];
  const named = actor({
    run: workflow(async (ctx) => {
      known.push(ctx instanceof WorkflowContext, ctx instanceof WorkflowStepContext);
      await ctx.step("look", (step) => {
        known.push(step instanceof WorkflowStepContext, step instanceof WorkflowContext);
      });
    }),
  });
  await workflowWorld().start(named);
  assert.deepEqual(known, [true, false, true, false]);
});

test("identity of a workflow, and notification of an eviction", async () => {
  const seen: unknown[] = [];
  const evicted: boolean[] = [];
  const started = deferred();
  const who = actor({
    run: workflow(async (ctx) => {
      seen.push(ctx.workflowId, ctx.actorId, ctx.name, ctx.key, ctx.isEvicted(), ctx.abortSignal.aborted);
      try {
        await ctx.step({
          name: "wait",
          timeout: 0,
          run: async (step) => {
            started.resolve();
            await new Promise<void>((resolve) => step.abortSignal.addEventListener("abort", () => resolve()));
            evicted.push(step.isEvicted());
            step.abortSignal.throwIfAborted();
          },
        });
      } finally {
        evicted.push(ctx.isEvicted(), ctx.abortSignal.aborted);
      }
    }),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  let instance = world.create(who);
  await started.promise;
  assert.deepEqual(seen, ["a", "a", "test", ["a"], false, false]);
  await instance.sleep();
  await settle();
  assert.deepEqual(evicted, [true, true, true]);
  instance = await world.wake(who);
  await instance.ready;
  await settle();
  const { state } = (await call(instance, "status")) as { state: string };
  assert.equal(state, "running", "it was cut off, and has not failed");
});

test("a workflow with a strict guard fails when it reads the clock", async () => {
  const events: WorkflowErrorEvent[] = [];
  const strict = actor({
    run: workflow(
      async (ctx) => {
        await ctx.step("a", () => 1);
        const late = Date.now() > 0;
        await ctx.step("b", () => late);
      },
      { guard: "error", onError: (_c, event) => void events.push(event) },
    ),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const instance = await world.start(strict);
  await settle();
  const { state } = (await call(instance, "status")) as { state: string };
  assert.equal(state, "failed");
  const [event] = events;
  assert.ok(event !== undefined && "workflow" in event);
  assert.match(event.workflow.error.message, /Date\.now\(\) outside of a step.*ctx\.now\(\)/);
});

test("a strict guard allows completing the message of a waiting sender", async () => {
  const world = workflowWorld();
  const { clock } = world.ports;
  const now = clock.now.bind(clock);
  // The clock of a server is that of the process.
  clock.now = () => (Date.now() > 0 ? now() : 0);
  const strict = actor({
    queues: { asks: queue<string, string>() },
    run: workflow(
      async (ctx) => {
        const message = await ctx.queue.next("ask", { names: ["asks"], completable: true });
        const answer = await ctx.step("work", () => `${message.body} done`);
        await message.complete(answer);
      },
      { guard: "error" },
    ),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const instance = await world.start(strict);
  const sent = send(instance, "asks", "a", { wait: true, idempotencyKey: "k" });
  await settle();
  const { state } = (await call(instance, "status")) as { state: string };
  assert.equal(state, "completed");
  assert.deepEqual(await sent, { status: "completed", response: "a done" });
});

test("a step may destroy its actor, and a cancelled workflow is not woken again", async () => {
  const world = workflowWorld();
  const short = await world.start(
    actor({
      run: workflow(async (ctx) => {
        await ctx.step("end", (step) => step.destroy());
        await ctx.sleep("never", 1_000);
      }),
    }),
  );
  assert.equal(await short.stopped, "destroyed");

  const other = workflowWorld();
  const long = await other.start(
    actor({
      run: workflow(async (ctx) => {
        await ctx.sleep("long", 1_000);
      }),
      actions: { cancel: (c) => workflowControl(c).cancel() },
    }),
  );
  assert.equal((await other.store.get("a"))?.wakeAt, other.ports.clock.now() + 1_000);
  assert.equal(await call(long, "cancel"), true);
  await settle();
  assert.equal((await other.store.get("a"))?.wakeAt, undefined);
});

test("limits: the size of a value, and the nesting of operations", async () => {
  const errors: unknown[] = [];
  const world = workflowWorld();
  await world.start(
    actor({
      run: workflow(async (ctx) => {
        const limit = 16 * 1_048_576;
        const fits = await ctx.tryStep("fits", () => "x".repeat(limit - 1_000));
        const over = await ctx.tryStep("over", () => "x".repeat(limit + 1));
        errors.push(fits.ok, over.ok ? undefined : [over.failure.kind, over.failure.error.name]);
        const nest = async (inner: typeof ctx, depth: number): Promise<void> => {
          if (depth === 0) return;
          const result = await inner.try("in", (t) => nest(t as typeof ctx, depth - 1));
          if (!result.ok) throw new Error(result.failure.error.message);
        };
        await nest(ctx, 32);
        errors.push("32");
        try {
          await ctx.try("deeper", (t) => nest(t as typeof ctx, 32));
        } catch (error) {
          errors.push(isErrorCode(error, "workflow", "too_deep"));
        }
      }),
    }),
  );
  await settle(60);
  assert.deepEqual(errors, [true, ["critical", "CriticalError"], "32", true]);
});

test("an uncompleted message stays with the workflow, also after a restart", async () => {
  const errors: unknown[] = [];
  const hold = deferred();
  const inbox = actor({
    state: { done: 0 },
    queues: { jobs: queue<string, string>() },
    run: workflow(async (ctx) => {
      const job = await ctx.queue.next("job", { names: ["jobs"], completable: true });
      try {
        await ctx.queue.next("other", { names: ["jobs"], completable: true });
      } catch (error) {
        errors.push(error);
      }
      await ctx.sleep("think", 1_000);
      await job.complete(`${job.body}!`);
      await assert.rejects(job.complete("again"), (error) =>
        isErrorCode(error, "queue", "already_completed"),
      );
      await ctx.step("done", (step) => void step.state.done++);
      hold.resolve();
      await ctx.sleep("rest", 1_000_000);
    }),
    actions: {
      send: (c, body: string) => c.queue.send("jobs", body).then(() => {}),
      left: async (c) => (await c.queue.tryNext({ names: ["jobs"] }))?.body,
      done: (c) => c.state.done,
    },
  });
  const world = workflowWorld();
  let instance = await world.start(inbox);
  await call(instance, "send", "a");
  await settle(20);
  assert.ok(isErrorCode(errors[0], "queue", "previous_message_not_completed"));
  instance = await world.restart(inbox, instance);
  await world.advance(1_000);
  await hold.promise;
  assert.equal(await call(instance, "left"), undefined, "it was completed once");
  instance = await world.restart(inbox, instance);
  assert.equal(await call(instance, "done"), 1);
});

test("an unknown queue, and an actor without a workflow, cause typed errors", async () => {
  let thrown: unknown;
  const world = workflowWorld();
  await world.start(
    actor({
      queues: { jobs: queue<string>() },
      run: workflow(async (ctx) => {
        await ctx.queue.next("x", { names: ["nope"] as never }).catch((error: unknown) => {
          thrown = error;
        });
      }),
    }),
  );
  assert.ok(isErrorCode(thrown, "queue", "not_defined"));
  const other = workflowWorld();
  const plain = await other.start(actor({ actions: { status: (c) => workflowControl(c).status() } }));
  await assert.rejects(call(plain, "status"), (error) => isErrorCode(error, "workflow", "not_defined"));
  assert.throws(
    () => workflow(undefined as never),
    (error) => isErrorCode(error, "workflow", "invalid_definition"),
  );
});

test("no step starts during a transaction of an action", async () => {
  const gate = deferred();
  const order: string[] = [];
  const both = actor({
    state: { n: 0 },
    run: workflow(async (ctx) => {
      await ctx.signal("go");
      await ctx.step("step", (step) => {
        order.push("step");
        step.state.n++;
      });
    }),
    actions: {
      hold: (c) =>
        c.transaction(async () => {
          c.state.n = 100;
          await gate.promise;
          order.push("transaction");
          throw new Error("undo");
        }),
      go: (c) => workflowControl(c).signal("go"),
      n: (c) => c.state.n,
    },
  });
  const world = workflowWorld();
  const instance = await world.start(both);
  await call(instance, "go");
  const held = call(instance, "hold").catch(() => "undone");
  await settle();
  gate.resolve();
  assert.equal(await held, "undone");
  await settle();
  assert.equal(await call(instance, "n"), 1);
  assert.ok(order.includes("step"));
});

test("a step may run a transaction; an atomic step is one", async () => {
  const errors: unknown[] = [];
  const moving = actor({
    state: { n: 0 },
    run: workflow(async (ctx) => {
      await ctx.step("one", async (step) => {
        await step
          .transaction(() => {
            step.state.n = 5;
            throw new Error("undo");
          })
          .catch((error: Error) => errors.push(error.message));
        await step.transaction(() => {
          step.state.n += 1;
        });
      });
      await ctx.step({
        name: "two",
        atomic: true,
        run: async (step) => {
          await step.transaction(() => {}).catch((error: unknown) => errors.push(error));
        },
      });
    }),
    actions: { n: (c) => c.state.n, status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const instance = await world.start(moving);
  await settle(20);
  assert.equal(await call(instance, "n"), 1);
  assert.equal(errors[0], "undo");
  assert.ok(isErrorCode(errors[1], "actor", "nested_transaction"));
  assert.equal(((await call(instance, "status")) as { state: string }).state, "completed");
});

test("a history is limited, and code without await does not end the process", async () => {
  const results: unknown[] = [];
  const world = workflowWorld();
  await world.start(
    actor({
      run: workflow(async (ctx) => {
        for (let n = 0; n < 100_000; n++) ctx.now();
        try {
          ctx.now();
        } catch (error) {
          results.push(error);
        }
        throw new Error("end");
      }),
    }),
  );
  await settle(30);
  assert.ok(isErrorCode(results[0], "workflow", "history_too_long"));

  const other = workflowWorld();
  const careless = await other.start(
    actor({
      run: workflow(
        async (ctx) => {
          void ctx.tryStep({ name: "a", run: () => 1, nope: true } as never);
          void ctx.queue.next("b", { names: ["nope"] as never });
        },
        { guard: "off" },
      ),
      actions: { status: (c) => workflowControl(c).status() },
    }),
  );
  await settle();
  assert.equal(((await call(careless, "status")) as { state: string }).state, "failed");
});

test("an atomic step rolls its database back with its state", async () => {
  let attempts = 0;
  const booking = actor({
    db: db({
      onMigrate: async (database) => {
        await database.execute("CREATE TABLE IF NOT EXISTS seats (name TEXT UNIQUE)");
      },
    }),
    state: { taken: 0 },
    run: workflow(async (ctx) => {
      const seats = await ctx.step({
        name: "book",
        atomic: true,
        retryBackoffBase: 0,
        run: async (step) => {
          await step.db.execute("INSERT INTO seats (name) VALUES (?)", "12a");
          step.state.taken++;
          if (++attempts === 1) throw new Error("half-way");
          return step.db.query("SELECT name FROM seats").length;
        },
      });
      await ctx.step("check", (step) => {
        if (seats !== step.state.taken) throw new Error(`${seats} rows, ${step.state.taken} taken`);
      });
    }),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const instance = await world.start(booking);
  await settle(30);
  const status = (await call(instance, "status")) as { state: string };
  assert.deepEqual([status.state, attempts], ["completed", 2]);
  await instance.sleep();
});
