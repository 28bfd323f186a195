import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import {
  EntryInProgressError,
  HistoryDivergedError,
  Loop,
  RollbackCheckpointError,
  RollbackError,
  type WorkflowContext,
  type WorkflowErrorEvent,
  workflow,
  workflowControl,
} from "@holdfast/actors/workflow";
import { isErrorCode } from "@holdfast/core";
import { call, deferred } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

type Ctx = WorkflowContext<
  { log: string[] },
  unknown,
  undefined,
  undefined,
  unknown,
  undefined,
  Record<never, never>,
  Record<never, never>
>;

/** An actor whose workflow is `fn`, with a log. */
function running(
  fn: (ctx: Ctx) => Promise<unknown>,
  events: { push(event: WorkflowErrorEvent): unknown } = [],
) {
  return actor({
    state: { log: [] as string[] },
    run: workflow(fn as never, { onError: (_c, event) => void events.push(event) }),
    actions: {
      log: (c) => c.state.log,
      status: (c) => workflowControl(c).status(),
    },
  });
}

async function stateOf(instance: Parameters<typeof call>[0]): Promise<string> {
  const status = (await call(instance, "status")) as { state: string };
  return status.state;
}

test("rollbacks run in reverse order of completion, then the workflow has failed", async () => {
  const events: WorkflowErrorEvent[] = [];
  const undone: string[] = [];
  const saga = running(async (ctx) => {
    await ctx.rollbackCheckpoint("start");
    for (const name of ["one", "two"]) {
      await ctx.step({
        name,
        run: () => `${name}!`,
        rollback: (step, output) => {
          undone.push(output);
          step.state.log.push(`undo ${output}`);
        },
      });
    }
    await ctx.step("stop", () => {
      throw new RollbackError("changed my mind");
    });
  }, events);
  const world = workflowWorld();
  const instance = await world.start(saga);
  await settle();
  assert.deepEqual(undone, ["two!", "one!"]);
  assert.equal(await stateOf(instance), "failed");
  assert.deepEqual(await call(instance, "log"), ["undo two!", "undo one!"]);
  assert.equal(events.length, 1, "one failed step");
  await world.restart(saga, instance);
  assert.deepEqual(undone, ["two!", "one!"]);
  assert.equal(events.length, 1);
});

test("an interrupted rollback continues with the next step, also in completed iterations", async () => {
  const undone: string[] = [];
  const held = deferred();
  let hold = true;
  const saga = running(async (ctx) => {
    await ctx.rollbackCheckpoint("start");
    await ctx.loop({
      name: "legs",
      state: 0,
      run: async (leg, n) => {
        await leg.step({
          name: "book",
          run: () => n,
          rollback: async (step, output) => {
            if (output === 1 && hold) await held.promise;
            step.abortSignal.throwIfAborted();
            undone.push(`leg ${output}`);
          },
        });
        if (n === 2) throw new Error("boom");
        return Loop.continue(n + 1);
      },
    });
  });
  const world = workflowWorld();
  let instance = await world.start(saga);
  assert.deepEqual(undone, ["leg 2"]);
  assert.equal(await stateOf(instance), "rolling_back");
  const stopping = instance.sleep();
  hold = false;
  held.resolve();
  await stopping;
  instance = await world.wake(saga);
  await instance.ready;
  await settle();
  assert.deepEqual(undone, ["leg 2", "leg 1", "leg 0"]);
  assert.equal(await stateOf(instance), "failed");
});

test("a failing rollback stops, is reported, and is recorded", async () => {
  const events: WorkflowErrorEvent[] = [];
  const undone: string[] = [];
  const saga = running(async (ctx) => {
    await ctx.rollbackCheckpoint("start");
    await ctx.step({ name: "a", run: () => 1, rollback: () => void undone.push("a") });
    await ctx.step({
      name: "b",
      run: () => 2,
      rollback: () => {
        throw new Error("cannot");
      },
    });
    throw new Error("boom");
  }, events);
  const world = workflowWorld();
  const instance = await world.start(saga);
  await settle();
  assert.deepEqual(undone, []);
  assert.equal(await stateOf(instance), "failed");
  assert.deepEqual(
    events.map((event) => Object.keys(event)[0]),
    ["rollback"],
  );
});

test("a rollback step without a checkpoint, a missing await and a duplicate name are errors of the code", async () => {
  const faults: [new (...args: never[]) => Error, (ctx: Ctx) => Promise<unknown>][] = [
    [
      RollbackCheckpointError,
      async (ctx) => {
        await ctx.step({ name: "x", run: () => 1, rollback: () => {} });
      },
    ],
    [
      EntryInProgressError,
      async (ctx) => {
        const first = ctx.step("a", () => 1);
        await ctx.step("b", () => 2).catch(() => {});
        await first;
      },
    ],
    [
      EntryInProgressError,
      async (ctx) => {
        void ctx.step("a", () => 1);
      },
    ],
    [
      HistoryDivergedError,
      async (ctx) => {
        await ctx.step("dup", () => 1);
        await ctx.step("dup", () => 2);
      },
    ],
  ];
  for (const [kind, fn] of faults) {
    const events: WorkflowErrorEvent[] = [];
    const world = workflowWorld();
    const instance = await world.start(running(fn, events));
    await settle();
    assert.equal(await stateOf(instance), "failed");
    const [event] = events;
    assert.ok(event !== undefined && "workflow" in event);
    assert.equal(event.workflow.error.name, kind.name);
  }
});

test("code that does not match the history fails with both lists, and continues when corrected", async () => {
  const v1 = async (ctx: Ctx): Promise<void> => {
    await ctx.step("a", () => 1);
    await ctx.step("b", () => 2);
    await ctx.sleep("rest", 1_000);
    await ctx.step("c", (step) => void step.state.log.push("c"));
  };
  const changed: ((ctx: Ctx) => Promise<void>)[] = [
    async (ctx) => {
      await ctx.step("b", () => 2);
      await ctx.step("a", () => 1);
    },
    async (ctx) => {
      await ctx.step("a", () => 1);
      await ctx.sleep("b", 1);
    },
    async (ctx) => {
      await ctx.step("a", () => 1);
    },
    async (ctx) => {
      await ctx.step("a", () => 1);
      await ctx.step("new", () => 1);
      await ctx.step("b", () => 2);
    },
  ];
  for (const v2 of changed) {
    const events: WorkflowErrorEvent[] = [];
    const world = workflowWorld();
    let instance = await world.start(running(v1));
    instance = await world.restart(running(v2, events), instance);
    assert.equal(await stateOf(instance), "failed");
    const [event] = events;
    assert.ok(event !== undefined && "workflow" in event);
    assert.equal(event.workflow.error.name, "HistoryDivergedError");
    assert.match(event.workflow.error.message, /recorded +\| code/);
    assert.match(event.workflow.error.message, /step b/);
    instance = await world.restart(running(v2, events), instance);
    assert.equal(events.length, 1, "it is not reported again");
    instance = await world.restart(running(v1), instance);
    await world.advance(1_000);
    assert.deepEqual(await call(instance, "log"), ["c"]);
    assert.equal(await stateOf(instance), "completed");
  }
});

test("removed and getVersion let code change", async () => {
  const seen: number[] = [];
  const world = workflowWorld();
  let instance = await world.start(
    running(async (ctx) => {
      await ctx.step("old", () => 1);
      await ctx.step("kept", () => 2);
      await ctx.sleep("rest", 1_000);
    }),
  );
  const v2 = running(async (ctx) => {
    await ctx.removed("old", "step");
    seen.push(await ctx.getVersion("gate", 3));
    await ctx.step("kept", () => 2);
    await ctx.sleep("rest", 1_000);
    seen.push(await ctx.getVersion("later", 2));
  });
  instance = await world.restart(v2, instance);
  instance = await world.restart(v2, instance);
  await world.advance(1_000);
  assert.deepEqual(seen, [1, 1, 2]);
  assert.equal(await stateOf(instance), "completed");
});

test("members of the actor work only inside steps", async () => {
  const errors: unknown[] = [];
  let kept: { state: { log: string[] } } | undefined;
  const guarded = running(async (ctx) => {
    try {
      ctx.state.log.push("outside");
    } catch (error) {
      errors.push(error);
    }
    await ctx.step("inside", (step) => {
      kept = step;
      ctx.state.log.push("outer context");
      step.state.log.push("own context");
    });
    try {
      kept?.state.log.push("after");
    } catch (error) {
      errors.push(error);
    }
  });
  const world = workflowWorld();
  const instance = await world.start(guarded);
  assert.deepEqual(await call(instance, "log"), ["outer context", "own context"]);
  assert.equal(errors.length, 2);
  for (const error of errors) {
    assert.ok(isErrorCode(error, "workflow", "outside_step"));
    assert.match(error.message, /state is only available inside workflow steps/);
  }
});

test("reading the clock or randomness is detected outside of a step, and allowed inside", async () => {
  const found: string[] = [];
  const fn = async (ctx: Ctx): Promise<void> => {
    await ctx.step("fine", () => Date.now() + Math.random());
    if (Date.now() < 0) return;
    await ctx.step("more", () => 1);
    const fixed = new Date(5);
    assert.ok(fixed instanceof Date && Object.getPrototypeOf(fixed) === Date.prototype);
    if (new Date().getFullYear() < 0) return;
    await ctx.step("most", () => new Date());
    await helper(ctx);
  };
  const helper = async (ctx: Ctx): Promise<void> => {
    await ctx.step("inner", () => 1);
    if (Math.random() > 2) throw new Error("impossible");
  };
  const world = workflowWorld();
  const before = [Date, Date.now, Math.random];
  const log = {
    ...world.ports.log,
    warn: (_message: string, fields?: Record<string, unknown>) => void found.push(String(fields?.call)),
    child: () => log,
  };
  Object.assign(world.ports, { log });
  await world.start(running(fn));
  await settle();
  assert.deepEqual(found, ["Date.now()", "new Date()", "Math.random()"]);
  assert.deepEqual([Date, Date.now, Math.random], before, "the functions are those of before");
});

test("invalid arguments cause typed errors", async () => {
  const wrong: [string, (ctx: Ctx) => Promise<unknown>][] = [
    ["invalid_name", (ctx) => ctx.step("", () => 1)],
    ["invalid_name", (ctx) => ctx.step("x".repeat(257), () => 1)],
    ["invalid_step", (ctx) => ctx.step("x", undefined as never)],
    ["invalid_step", (ctx) => ctx.step({ name: "x", run: () => 1, maxRetries: -1 })],
    ["invalid_step", (ctx) => ctx.step({ name: "x", run: () => 1, retries: 1 } as never)],
    ["invalid_step", (ctx) => ctx.sleep("x", Number.NaN)],
    ["invalid_step", (ctx) => ctx.join("x", [] as never)],
    ["invalid_step", (ctx) => ctx.race("x", {} as never)],
    ["invalid_step", (ctx) => ctx.getVersion("x", 0)],
    ["invalid_step", (ctx) => ctx.removed("x", "value")],
    ["invalid_step", (ctx) => ctx.tryStep({ name: "x", run: () => 1, catch: ["all"] } as never)],
  ];
  for (const [code, fn] of wrong) {
    let thrown: unknown;
    const world = workflowWorld();
    await world.start(
      running(async (ctx) => {
        await fn(ctx).catch((error: unknown) => {
          thrown = error;
        });
      }),
    );
    assert.ok(isErrorCode(thrown, "workflow", code), `${code}: ${String(thrown)}`);
  }
  const world = workflowWorld();
  const fine = await world.start(running(async (ctx) => void (await ctx.step("x".repeat(256), () => 1))));
  assert.equal(await stateOf(fine), "completed");
});

test("an output that cannot be recorded fails the step immediately", async () => {
  let attempts = 0;
  const events: WorkflowErrorEvent[] = [];
  const world = workflowWorld();
  await world.start(
    running(async (ctx) => {
      await ctx.step("bad", () => {
        attempts++;
        return { fn: () => {} } as never;
      });
    }, events),
  );
  await settle();
  assert.equal(attempts, 1);
  assert.ok(events[0] !== undefined && "step" in events[0] && !events[0].step.willRetry);
});

test("a failing join or race is reported once: by its steps, or as one error", async () => {
  const ways: [string[], (ctx: Ctx) => Promise<unknown>][] = [
    [
      ["workflow"],
      (ctx) =>
        ctx.join("j", {
          a: {
            run: async () => {
              throw new Error("plain");
            },
          },
        }),
    ],
    [
      ["step"],
      (ctx) =>
        ctx.join("j", {
          a: {
            run: (branch) =>
              branch.step({
                name: "s",
                maxRetries: 0,
                run: () => {
                  throw new Error("in a step");
                },
              }),
          },
        }),
    ],
    [
      ["workflow"],
      (ctx) =>
        ctx.race("r", [
          {
            name: "a",
            run: async () => {
              throw new Error("plain");
            },
          },
        ]),
    ],
  ];
  for (const [expected, fn] of ways) {
    const events: WorkflowErrorEvent[] = [];
    const definition = running(fn, events);
    const world = workflowWorld();
    const instance = await world.start(definition);
    await settle();
    assert.equal(await stateOf(instance), "failed");
    await world.restart(definition, instance);
    assert.deepEqual(
      events.map((event) => Object.keys(event)[0]),
      expected,
    );
  }
});
