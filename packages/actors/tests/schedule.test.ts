import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeadSchedule, ScheduledEventInfo } from "@holdfast/actors";
import { action, actor } from "@holdfast/actors";
import { isErrorCode, type StandardSchema } from "@holdfast/core";
import { call, deferred, world } from "./harness.ts";
import { advance, invoke, scheduled, script, settle } from "./schedule-support.ts";

const code = (name: string) => (error: unknown) => isErrorCode(error, "schedule", name);

describe("one-shot schedules", () => {
  test("run once, on time, with their arguments and the fire info", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    const id = await invoke<string>(instance, "after", 5_000, "a");
    assert.deepEqual(await invoke(instance, "get", id), {
      id,
      action: "fire",
      args: ["a"],
      runAt: start + 5_000,
    });
    await advance(w, 4_999, 4_999);
    assert.equal(s.fired.length, 0);
    await advance(w, 1);
    const info = { kind: "at", id, scheduledAt: start + 5_000, firedAt: start + 5_000 };
    assert.deepEqual(s.fired, [{ text: "a", info, conn: "undefined" }]);
    assert.equal(await invoke(instance, "get", id), undefined);
    assert.deepEqual(await invoke(instance, "list"), []);
    await advance(w, 600_000, 60_000);
    assert.equal(s.fired.length, 1);
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
  });

  test("a run changes the state and deletes its schedule in one commit", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    await invoke(instance, "after", 1_000, "a");
    const before = w.store.commits.length;
    await advance(w, 1_000);
    const commits = w.store.commits.slice(before);
    assert.equal(commits.length, 1);
    assert.deepEqual(
      [commits[0]?.state !== undefined, commits[0]?.wakeAt, commits[0]?.kv?.map(({ type }) => type)],
      [true, null, ["delete"]],
    );
  });

  test("runs of asynchronous actions without a wait delete their schedules with their changes", async () => {
    const w = world();
    const adds = actor({
      state: { count: 0 },
      actions: {
        add: async (c) => {
          await undefined;
          c.state.count++;
        },
        plan: async (c) => {
          for (let i = 0; i < 3; i++) await c.schedule.after(1_000, "add");
        },
      },
    });
    const instance = w.create(adds);
    await call(instance, "plan");
    const before = w.store.commits.length;
    await advance(w, 1_000);
    assert.deepEqual(
      w.store.commits.slice(before).map(({ state, kv }) => [state?.type, kv?.map(({ type }) => type)]),
      [1, 2, 3].map(() => ["patch", ["delete"]]),
    );
  });

  test("schedules of the same time run in the order of creation, also after a sleep", async () => {
    const w = world();
    const s = script();
    const names = [..."abcdefghij"];
    const instance = w.create(scheduled(s));
    const now = w.ports.clock.now();
    for (const name of names) await invoke(instance, "at", now + 100, name);
    await instance.sleep();
    const awake = await w.wake(scheduled(s));
    const listed = (await invoke<ScheduledEventInfo[]>(awake, "list")).map((info) => info.args[0]);
    assert.deepEqual(listed, names);
    await advance(w, 100);
    assert.deepEqual(
      s.fired.map(({ text }) => text),
      names,
    );
  });

  test("run in order of time, whatever the order of creation", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const now = w.ports.clock.now();
    await invoke(instance, "at", now + 300, "c");
    await invoke(instance, "at", now + 100, "a");
    await invoke(instance, "at", now + 200, "b");
    const runAt = (await invoke<ScheduledEventInfo[]>(instance, "list")).map((info) => info.runAt - now);
    assert.deepEqual(runAt, [100, 200, 300]);
    await advance(w, 1_000, 1_000);
    assert.deepEqual(
      s.fired.map(({ text }) => text),
      ["a", "b", "c"],
    );
  });

  test("a past time, zero and a negative delay are due immediately", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    await invoke(instance, "at", 1, "past");
    await invoke(instance, "after", 0, "zero");
    await invoke(instance, "after", -5, "negative");
    await settle();
    assert.deepEqual(s.fired.map(({ text }) => text).sort(), ["negative", "past", "zero"]);
  });

  test("cancel deletes a schedule once; unknown ids return false", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const id = await invoke<string>(instance, "after", 1_000, "a");
    assert.equal(await invoke(instance, "cancel", id), true);
    assert.equal(await invoke(instance, "cancel", id), false);
    assert.equal(await invoke(instance, "cancel", "nothing"), false);
    await advance(w, 5_000);
    assert.deepEqual(s.fired, []);
  });

  test("a running schedule is not listed and cannot be cancelled", async () => {
    const w = world();
    const s = script();
    const gate = deferred();
    s.wait = gate.promise;
    const instance = w.create(scheduled(s));
    const id = await invoke<string>(instance, "after", 10, "a");
    await advance(w, 10);
    assert.equal(s.fired.length, 1);
    assert.deepEqual(await invoke(instance, "list"), []);
    assert.equal(await invoke(instance, "cancel", id), false);
    assert.equal(await invoke(instance, "get", id), undefined);
    gate.resolve();
    await settle();
    assert.deepEqual(await invoke(instance, "list"), []);
  });

  test("a running schedule keeps its actor awake", async () => {
    const w = world();
    const s = script();
    const gate = deferred();
    s.wait = gate.promise;
    const instance = w.create(scheduled(s, { sleepTimeout: 1_000 }));
    await invoke(instance, "after", 500, "a");
    await advance(w, 20_000, 500);
    assert.equal(instance.status, "ready");
    gate.resolve();
    await advance(w, 2_000, 500);
    assert.equal(instance.status, "stopped");
  });

  test("a time beyond the maximum timer delay works", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const days30 = 30 * 86_400_000;
    const { after } = w.ports.tasks;
    let longest = 0;
    Object.assign(w.ports.tasks, {
      after: (delayMs: number, fn: () => void) => {
        longest = Math.max(longest, delayMs);
        return after(delayMs, fn);
      },
    });
    await invoke(instance, "after", days30, "far");
    assert.equal(w.ports.pendingTimers, 1);
    w.ports.advance(days30 - 60_000);
    await settle();
    assert.equal(s.fired.length, 0);
    assert.equal(w.ports.pendingTimers, 1);
    await advance(w, 60_000, 60_000);
    assert.equal(s.fired.length, 1);
    assert.equal(w.ports.pendingTimers, 0);
    assert.equal(longest, 60_000);
  });

  test("clock jumps: forward makes a schedule due, backward delays it", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    await invoke(instance, "after", 3_600_000, "a");
    w.ports.clock.advance(3_600_000);
    assert.equal(s.fired.length, 0);
    await advance(w, 60_000, 60_000);
    assert.equal(s.fired.length, 1);
    await invoke(instance, "after", 10_000, "b");
    w.ports.clock.advance(-100_000);
    await advance(w, 100_000, 10_000);
    assert.equal(s.fired.length, 1);
    await advance(w, 10_000, 10_000);
    assert.equal(s.fired.length, 2);
  });
});

describe("failures of one-shot schedules", () => {
  test("five attempts with increasing pauses and the same id, then a dead letter that can be retried", async () => {
    const w = world();
    const s = script();
    s.failures = 5;
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    const id = await invoke<string>(instance, "after", 1_000, "a");
    await advance(w, 60_000);
    assert.deepEqual(
      s.fired.map(({ info }) => [
        info.id === id,
        info.scheduledAt - start,
        info.firedAt - start,
        info.attempt,
      ]),
      [
        [true, 1_000, 1_000, undefined],
        [true, 1_000, 2_000, 2],
        [true, 1_000, 4_000, 3],
        [true, 1_000, 8_000, 4],
        [true, 1_000, 16_000, 5],
      ],
    );
    assert.deepEqual(await invoke(instance, "list"), []);
    const [dead, ...rest] = await invoke<DeadSchedule[]>(instance, "dead");
    assert.deepEqual(rest, []);
    assert.deepEqual(dead, {
      id,
      action: "fire",
      args: ["a"],
      scheduledAt: start + 1_000,
      failedAt: start + 16_000,
      attempts: 5,
      error: { group: "user", code: "told_to", message: "no", metadata: { count: 5 } },
    });
    assert.equal(await invoke(instance, "retry", id), true);
    assert.equal(await invoke(instance, "retry", id), false);
    await settle();
    assert.equal(s.fired.length, 6);
    assert.deepEqual(await invoke(instance, "dead"), []);
    assert.deepEqual(await invoke(instance, "list"), []);
  });

  test("between attempts it is listed with its next time and can be cancelled", async () => {
    const w = world();
    const s = script();
    s.failures = 1;
    const instance = w.create(scheduled(s));
    const id = await invoke<string>(instance, "after", 0, "a");
    await settle();
    const info = await invoke<ScheduledEventInfo>(instance, "get", id);
    assert.equal(info.runAt, w.ports.clock.now() + 1_000);
    assert.equal(await invoke(instance, "cancel", id), true);
    await advance(w, 10_000);
    assert.equal(s.fired.length, 1);
  });

  test("an action that does not exist becomes a dead letter immediately", async () => {
    const w = world();
    const instance = w.create(scheduled(script()));
    await invoke(instance, "afterTo", 0, "missing", 1);
    await settle();
    const [dead] = await invoke<DeadSchedule[]>(instance, "dead");
    assert.deepEqual([dead?.action, dead?.attempts, dead?.error.code], ["missing", 0, "action_not_found"]);
  });

  test("an action that times out has failed; the next attempt waits until it has ended", async () => {
    const w = world();
    const s = script();
    const gate = deferred();
    s.wait = gate.promise;
    const instance = w.create(scheduled(s, { actionTimeout: 2_000 }));
    await invoke(instance, "after", 0, "a");
    await settle();
    await advance(w, 20_000);
    assert.equal(s.fired.length, 1);
    s.wait = undefined;
    gate.resolve();
    await settle();
    assert.deepEqual(
      s.fired.map(({ info }) => info.attempt),
      [undefined, 2],
    );
    assert.deepEqual(await invoke(instance, "list"), []);
  });

  test("only the latest 1,000 dead letters are retained", { timeout: 60_000 }, async () => {
    const w = world();
    const instance = w.create(scheduled(script(), { maxSchedules: 2_000 }));
    for (let i = 0; i < 1_001; i++) await invoke(instance, "afterTo", 0, "missing", i);
    await settle();
    const dead = await invoke<DeadSchedule[]>(instance, "dead");
    assert.deepEqual([dead.length, dead[0]?.args, dead.at(-1)?.args], [1_000, [1_000], [1]]);
  });
});

describe("validation", () => {
  test("rejects invalid times, missing action names, and arguments that cannot be stored", async () => {
    const w = world();
    const instance = w.create(scheduled(script()));
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, "5", undefined]) {
      await assert.rejects(invoke(instance, "after", ms, "a"), code("invalid_time"));
    }
    await assert.rejects(invoke(instance, "at", 8.64e15 + 1_000, "a"), code("invalid_time"));
    await assert.rejects(invoke(instance, "at", "soon", "a"), code("invalid_time"));
    for (const action of ["", 5, null]) {
      await assert.rejects(invoke(instance, "afterTo", 1, action), code("invalid_action"));
    }
    const definition = actor({ actions: { bad: (c) => c.schedule.after(1, "bad", () => {}) } });
    await assert.rejects(call(w.create(definition, undefined, "b"), "bad"), (error) =>
      isErrorCode(error, "message", "unsupported_value"),
    );
    const bytes = (size: number) => new Uint8Array(size);
    // An array of one byte string: one byte for the array, five for the length.
    await invoke(instance, "afterTo", 60_000, "fire", bytes(1_048_576 - 6));
    await assert.rejects(
      invoke(instance, "afterTo", 60_000, "fire", bytes(1_048_576 - 5)),
      code("arguments_too_long"),
    );
    assert.equal((await invoke<unknown[]>(instance, "list")).length, 1);
  });

  test("maxSchedules counts both kinds, but not running ones", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s, { maxSchedules: 2 }));
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "count" });
    const id = await invoke<string>(instance, "after", 1_000, "a");
    await assert.rejects(invoke(instance, "after", 1_000, "b"), code("max_schedules_exceeded"));
    await assert.rejects(
      invoke(instance, "every", { name: "f", interval: 5_000, action: "count" }),
      code("max_schedules_exceeded"),
    );
    // Reusing a name needs no room.
    await invoke(instance, "every", { name: "e", interval: 6_000, action: "count" });
    await invoke(instance, "cancel", id);
    await invoke(instance, "after", 1_000, "b");
    const gate = deferred();
    s.wait = gate.promise;
    await advance(w, 1_000);
    await invoke(instance, "after", 1_000, "c");
    gate.resolve();
    await settle();
  });

  test("a record that cannot be read is reported and left in place; the others run", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    await invoke(instance, "after", 1_000, "good");
    await instance.sleep();
    const { version, epoch } = (await w.store.get("a")) ?? { version: 0, epoch: 0 };
    const key = new Uint8Array([0, 2, 0, 9]);
    const value = new Uint8Array([99, 1]);
    await w.store.commit({
      actorId: "a",
      epoch,
      version: version + 1,
      commitId: "foreign",
      kv: [{ type: "put", key, value }],
    });
    const again = await w.wake(definition);
    await again.ready;
    await advance(w, 1_000);
    assert.equal(s.fired.length, 1);
    assert.ok(w.reported.some((error) => isErrorCode(error, "schedule", "invalid_schedule_row")));
    await again.sleep();
    assert.deepEqual(await w.store.kvGet("a", key), value);
  });
});

describe("scheduled actions", () => {
  test("argument schemas apply, canInvoke and connection hooks do not", async () => {
    const w = world();
    const seen: unknown[] = [];
    const text: StandardSchema<string> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "string" ? { value: value.toUpperCase() } : { issues: [{ message: "no text" }] },
      },
    };
    const definition = actor({
      onBeforeConnect: () => void seen.push("connect"),
      actions: {
        go: async (c) => {
          await c.schedule.after(0, "checked", "good");
          await c.schedule.after(0, "checked", 5);
        },
        checked: action({
          input: text,
          canInvoke: () => false,
          handler: (_c, ...args: unknown[]) =>
            void seen.push(args.map((arg) => (arg === args[0] ? arg : typeof arg))),
        }),
        dead: (c) => c.schedule.list(),
      },
    });
    const instance = w.create(definition);
    await call(instance, "go");
    await settle();
    assert.deepEqual(seen, ["connect", ["GOOD", "object"]]);
    const [failed, ...rest] = (await call(instance, "dead")) as ScheduledEventInfo[];
    assert.deepEqual([failed?.args, rest], [[5], []]);
    await assert.rejects(call(instance, "checked", "x"), (error) => isErrorCode(error, "auth", "forbidden"));
  });

  test("results are discarded, and a generator runs to its end", async () => {
    const w = world();
    const seen: string[] = [];
    const definition = actor({
      actions: {
        go: async (c) => {
          await c.schedule.after(0, "odd");
          await c.schedule.after(0, "pieces");
        },
        odd: () => () => "a function cannot be sent",
        pieces: async function* () {
          seen.push("first");
          yield 1;
          seen.push("last");
        },
        pending: (c) => c.schedule.list(),
      },
    });
    const instance = w.create(definition);
    await call(instance, "go");
    await settle();
    assert.deepEqual(seen, ["first", "last"]);
    assert.deepEqual(await call(instance, "pending"), []);
  });

  test("a failed transaction rolls back schedules that it created and cancelled", async () => {
    const w = world();
    const fired: string[] = [];
    const definition = actor({
      state: { n: 0 },
      actions: {
        go: async (c) => {
          const kept = await c.schedule.after(1_000, "fire", "kept");
          await c.cron.every({ name: "kept", interval: 5_000, action: "fire" });
          await assert.rejects(
            c.transaction(async () => {
              await c.schedule.cancel(kept);
              await c.cron.delete("kept");
              await c.schedule.after(500, "fire", "lost");
              throw new Error("no");
            }),
          );
          await c.transaction(async () => {
            await c.schedule.after(700, "fire", "made");
          });
          return [(await c.schedule.list()).map(({ args }) => args[0]), (await c.cron.list()).length];
        },
        fire: (_c, text: string) => void fired.push(text),
      },
    });
    const instance = w.create(definition);
    assert.deepEqual(await call(instance, "go"), [["made", "kept"], 1]);
    await advance(w, 1_000, 100);
    assert.deepEqual(fired, ["made", "kept"]);
    await instance.sleep();
    const again = await w.wake(definition);
    await again.ready;
    assert.equal((await w.store.get("a"))?.wakeAt, 1_800_000_005_000);
  });

  test("a failed transaction removes the first schedules of an actor, including one due immediately", async () => {
    const w = world();
    const fired: string[] = [];
    const definition = actor({
      actions: {
        fail: (c) =>
          c.transaction(async () => {
            await c.cron.every({ name: "lost", interval: 5_000, action: "fire", args: ["lost"] });
            await c.schedule.after(0, "fire", "lost at once");
            await settle();
            throw new Error("no");
          }),
        keep: (c) =>
          c.transaction(async () => {
            await c.schedule.after(0, "fire", "kept");
            await settle();
            fired.push("its transaction ends");
          }),
        left: async (c) => (await c.schedule.list()).length + (await c.cron.list()).length,
        fire: (_c, text: string) => void fired.push(text),
      },
    });
    const instance = w.create(definition);
    await assert.rejects(call(instance, "fail"));
    assert.equal(await call(instance, "left"), 0);
    await advance(w, 6_000);
    assert.deepEqual(fired, []);
    await call(instance, "keep");
    await settle();
    assert.deepEqual(fired, ["its transaction ends", "kept"]);
    await instance.sleep();
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
  });
});
