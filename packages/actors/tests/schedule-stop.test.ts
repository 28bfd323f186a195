import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeadSchedule, ScheduledFireInfo } from "@holdfast/actors";
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, outcome, turn, world } from "./harness.ts";
import { advance, invoke, scheduled, script, settle } from "./schedule-support.ts";

describe("sleep, crash and stop", () => {
  test("a sleeping actor is woken by its store, and missed schedules run", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    const id = await invoke<string>(instance, "after", 10_000, "a");
    await instance.sleep();
    assert.equal(w.ports.pendingTimers, 0);
    const due = await w.store.due(w.ports.clock.now() + 10_000, 10);
    assert.deepEqual(
      [due.actors.map((record) => record.id), due.nextAt],
      [["a"], w.ports.clock.now() + 10_000],
    );
    w.ports.clock.advance(50_000);
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    assert.deepEqual(
      s.fired.map(({ info }) => [info.id, info.firedAt - info.scheduledAt]),
      [[id, 40_000]],
    );
    assert.equal(await invoke(again, "count"), 1);
  });

  test("a run interrupted by a crash is repeated once, with the same id", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    const id = await invoke<string>(instance, "after", 1_000, "a");
    // Nothing of the run becomes durable, as if the process had died.
    const { commit } = w.store;
    w.store.commit = () => new Promise(() => {});
    await advance(w, 1_000);
    assert.equal(s.fired.length, 1);
    w.store.commit = commit;
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    assert.deepEqual(
      s.fired.map(({ info }) => info.id),
      [id, id],
    );
    assert.equal(await invoke(again, "count"), 1);
    assert.deepEqual(await invoke(again, "list"), []);
  });

  test("a started attempt counts, so a run that kills its process is not repeated forever", async () => {
    const w = world();
    const s = script();
    s.wait = new Promise(() => {});
    const definition = scheduled(s, { actionTimeout: Number.POSITIVE_INFINITY });
    let instance = w.create(definition);
    await invoke(instance, "after", 0, "a");
    await settle();
    for (let i = 0; i < 5; i++) {
      instance = await w.wake(definition);
      await instance.ready;
      await advance(w, 400_000, 100_000);
    }
    assert.deepEqual(
      s.fired.map(({ info }) => info.attempt ?? 1),
      [1, 2, 3, 4, 5],
    );
    const [dead] = await invoke<DeadSchedule[]>(instance, "dead");
    assert.deepEqual([dead?.attempts, dead?.error.group, dead?.error.code], [5, "schedule", "interrupted"]);
  });

  test("a schedule due in the grace period of a sleep runs after the wake", async () => {
    const w = world();
    const fired: string[] = [];
    const definition = actor({
      onSleep: async (c) => {
        await c.schedule.after(0, "fire", "from onSleep");
      },
      actions: { fire: (_c, text: string) => void fired.push(text) },
    });
    const instance = w.create(definition);
    await instance.ready;
    await instance.sleep();
    await settle();
    assert.deepEqual(fired, []);
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    assert.deepEqual(fired, ["from onSleep"]);
  });

  test("a run interrupted by a stop does not count as failed and is repeated after the wake", async () => {
    const w = world();
    const s = script();
    const definition = actor({
      actions: {
        go: (c) => c.schedule.after(0, "fire"),
        fire: (c) => {
          s.failures++;
          return s.failures > 1
            ? undefined
            : new Promise((_, reject) => {
                c.abortSignal.addEventListener("abort", () => reject(new Error("stopped")));
              });
        },
      },
    });
    const instance = w.create(definition);
    await call(instance, "go");
    await settle();
    await instance.sleep();
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    assert.equal(s.failures, 2);
  });

  test("schedules of onCreate start with the actor; those of a failed onCreate never do", async () => {
    const w = world();
    const fired: string[] = [];
    const definition = (fails: boolean) =>
      actor({
        onCreate: async (c) => {
          await c.schedule.after(0, "fire", fails ? "lost" : "kept");
          if (fails) throw new Error("no");
        },
        actions: { fire: (_c, text: string) => void fired.push(text) },
      });
    const failing = w.create(definition(true), undefined, "x");
    await assert.rejects(failing.ready);
    const instance = w.create(definition(false), undefined, "y");
    await instance.ready;
    await settle();
    assert.deepEqual(fired, ["kept"]);
  });

  test("a schedule commits with its turn: a failed commit discards it", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    await instance.ready;
    w.store.hold = true;
    const made = invoke(instance, "after", 0, "a");
    await turn();
    assert.equal(await outcome(made), "pending");
    w.store.held[0]?.fail(new Error("disk"));
    await assert.rejects(made);
    assert.equal(instance.status, "stopped");
  });

  test("an obsolete wake-up is cancelled", async () => {
    const w = world();
    const definition = scheduled(script());
    const instance = w.create(definition);
    await instance.ready;
    await instance.sleep();
    const record = await w.store.get("a");
    assert.ok(record !== undefined);
    const { epoch, version } = record;
    const wakeAt = w.ports.clock.now() - 1;
    await w.store.commit({ actorId: "a", epoch, version: version + 1, commitId: "older", wakeAt });
    const again = await w.wake(definition);
    await again.ready;
    await again.sleep();
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
  });

  test("writes are rejected after the actor has stopped", async () => {
    const w = world();
    let kept: { schedule: { after(ms: number, action: string): Promise<string> } } | undefined;
    const definition = actor({
      actions: {
        keep: (c) => {
          kept = c;
        },
      },
    });
    const instance = w.create(definition);
    await call(instance, "keep");
    await instance.sleep();
    await assert.rejects(
      async () => kept?.schedule.after(0, "x"),
      (error) => isErrorCode(error, "actor", "stopped"),
    );
  });

  test("stops before a one-shot starts do not count as attempts", async () => {
    const w = world();
    const fired: (number | undefined)[] = [];
    let held: Promise<void> | undefined = new Promise(() => {});
    const definition = actor({
      options: { concurrency: "serial", noSleep: true, sleepGracePeriod: 1_000, actionTimeout: Infinity },
      actions: {
        plan: (c) => c.schedule.after(1_000, "fire"),
        hold: () => held,
        dead: (c) => c.schedule.deadLetters(),
        fire: (_c, info: ScheduledFireInfo) => void fired.push(info.attempt),
      },
    });
    let instance = w.create(definition);
    await call(instance, "plan");
    call(instance, "hold").catch(() => {});
    for (let i = 0; i < 6; i++) {
      await advance(w, 400_000, 100_000);
      const slept = instance.sleep();
      await advance(w, 20_000);
      await slept;
      instance = await w.wake(definition);
      call(instance, "hold").catch(() => {});
      await instance.ready;
    }
    held = undefined;
    await settle();
    const slept = instance.sleep();
    await advance(w, 20_000);
    await slept;
    instance = await w.wake(definition);
    await instance.ready;
    await advance(w, 500_000, 50_000);
    assert.deepEqual(await call(instance, "dead"), []);
    assert.deepEqual(fired, [undefined]);
  });
});
