import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ActorRecord, DueCursor } from "@holdfast/actors";
import { HoldfastError, silentLogger, systemRandom, type Timer } from "@holdfast/core";
import { Alarms } from "../src/directory/alarms.ts";
import { serverLimits } from "../src/limits.ts";

/** A world of sleeping actors: who is due when, and what happens when one is woken. */
function world(wakeAt: Record<string, number>) {
  let now = 1_000_000;
  const timers = new Set<{ at: number; delayMs: number; fn: () => void }>();
  const due = new Map(Object.entries(wakeAt));
  const awake = new Set<string>();
  const woken: string[] = [];
  let reads = 0;
  let failing: Error | undefined;
  let waker: (id: string) => Promise<void> = async (id) => {
    due.delete(id);
  };
  const record = (id: string): ActorRecord => ({
    id,
    name: "a",
    key: [id],
    epoch: 1,
    version: 1,
    createdAt: 1,
    wakeAt: due.get(id) ?? 0,
  });
  const alarms = new Alarms({
    ports: {
      clock: { now: () => now },
      random: systemRandom,
      log: silentLogger,
      tasks: {
        macrotask: (fn) => void setImmediate(fn),
        after: (delayMs, fn): Timer => {
          const timer = { at: now + delayMs, delayMs, fn };
          timers.add(timer);
          return { cancel: () => void timers.delete(timer) };
        },
      },
    },
    store: {
      due: async (at: number, limit: number, after?: DueCursor) => {
        reads++;
        if (failing !== undefined) throw failing;
        const later = [...due]
          .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
          .filter(
            ([id, time]) =>
              after === undefined || time > after.wakeAt || (time === after.wakeAt && id > after.id),
          );
        const nextAt = later[0]?.[1];
        const actors = later.filter(([, time]) => time <= at).slice(0, limit);
        return { actors: actors.map(([id]) => record(id)), ...(nextAt === undefined ? {} : { nextAt }) };
      },
    },
    filter: () => undefined,
    isHere: () => true,
    pollMs: () => Number.POSITIVE_INFINITY,
    isAwake: (id) => awake.has(id),
    wake: async ({ id }) => {
      woken.push(id);
      await waker(id);
    },
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    alarms,
    due,
    awake,
    woken,
    timers,
    settle,
    get now() {
      return now;
    },
    get reads() {
      return reads;
    },
    fail: (error: Error | undefined) => {
      failing = error;
    },
    wakeWith: (fn: (id: string) => Promise<void>) => {
      waker = fn;
    },
    jump: (ms: number) => {
      now += ms;
    },
    /** Moves the time to that of the next timer and runs it. */
    next: async () => {
      const [timer] = [...timers].sort((a, b) => a.at - b.at);
      assert.ok(timer !== undefined);
      now = Math.max(now, timer.at);
      timers.delete(timer);
      timer.fn();
      await settle();
    },
    async pass(ms: number) {
      const until = now + ms;
      for (;;) {
        const [timer] = [...timers].sort((a, b) => a.at - b.at);
        if (timer === undefined || timer.at > until) break;
        now = Math.max(now, timer.at);
        timers.delete(timer);
        timer.fn();
        await settle();
      }
      now = until;
    },
  };
}

describe("alarms", () => {
  test("nobody is due: no timer, and one read", async () => {
    const w = world({});
    w.alarms.start();
    await w.settle();
    assert.deepEqual([w.timers.size, w.reads, w.woken.length], [0, 1, 0]);
  });

  test("what became due while the process was down is woken at the start, in order", async () => {
    const w = world({ b: 20, a: 10, c: 30 });
    w.alarms.start();
    await w.settle();
    assert.deepEqual(w.woken, ["a", "b", "c"]);
    assert.equal(w.timers.size, 0);
  });

  test("one timer for all, at the earliest time, and a far one costs no reads", async () => {
    const far = 2 ** 31 + 5_000_000;
    const w = world({ a: 1_000_000 + far, b: 1_000_000 + far + 1 });
    w.alarms.start();
    await w.settle();
    assert.equal(w.timers.size, 1);
    const { reads } = w;
    assert.ok([...w.timers].every(({ delayMs }) => delayMs <= serverLimits.maxAlarmTimerMs));
    await w.pass(far - 1);
    assert.deepEqual([w.woken.length, w.reads], [0, reads]);
    await w.pass(1);
    assert.deepEqual(w.woken, ["a"]);
    await w.pass(1);
    assert.deepEqual(w.woken, ["a", "b"]);
  });

  test("an actor in memory is left to itself, also when more of them are due than one page holds", async () => {
    const w = world(Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`m${i}`, i])));
    for (const id of w.due.keys()) w.awake.add(id);
    w.due.set("asleep", 700);
    w.due.set("later", 1_000_500);
    w.alarms.start();
    await w.settle();
    assert.deepEqual(w.woken, ["asleep"]);
    await w.pass(500);
    assert.deepEqual(w.woken, ["asleep", "later"]);
  });

  test("an actor that goes to sleep sets an earlier time", async () => {
    const w = world({ a: 2_000_000 });
    w.alarms.start();
    await w.settle();
    w.due.set("b", 1_000_100);
    w.alarms.left("b", "slept", 1_000_100);
    w.alarms.left("c", "slept", undefined);
    assert.equal(w.timers.size, 1);
    await w.pass(100);
    assert.deepEqual(w.woken, ["b"]);
    await w.pass(999_900);
    assert.deepEqual(w.woken, ["b", "a"]);
  });

  test("a jump ahead of the clock is seen within a minute, one back waits for the time", async () => {
    const w = world({ a: 1_000_000 + 3_600_000 });
    w.alarms.start();
    await w.settle();
    w.jump(3_600_000);
    await w.next();
    assert.deepEqual(w.woken, ["a"]);
    w.due.set("b", w.now + 1_000);
    w.alarms.expect(w.now + 1_000);
    const [timer] = w.timers;
    assert.ok(timer !== undefined);
    w.jump(-50_000);
    w.timers.delete(timer);
    timer.fn();
    await w.settle();
    assert.deepEqual(w.woken, ["a"]);
    await w.pass(51_000);
    assert.deepEqual(w.woken, ["a", "b"]);
  });

  test("a wake that fails is tried again, later each time; the others are woken meanwhile", async () => {
    const w = world({ bad: 10, good: 20 });
    const at: number[] = [];
    w.wakeWith(async (id) => {
      if (id === "good") return void w.due.delete(id);
      at.push(w.now - 1_000_000);
      if (at.length < 5) throw new HoldfastError("store", "unavailable", "no");
      w.due.delete(id);
    });
    w.alarms.start();
    await w.settle();
    assert.deepEqual(w.woken, ["bad", "good"]);
    await w.pass(60_000);
    assert.deepEqual(at, [0, 1_000, 3_000, 7_000, 15_000]);
    assert.equal(w.timers.size, 0);
  });

  test("an actor that fails after its wake is not woken again at once", async () => {
    const w = world({ a: 10 });
    w.wakeWith(async () => {});
    w.alarms.start();
    await w.settle();
    assert.deepEqual(w.woken, ["a"]);
    w.alarms.left("a", "failed", undefined);
    await w.settle();
    await w.pass(999);
    assert.equal(w.woken.length, 1);
    await w.pass(1);
    assert.equal(w.woken.length, 2);
  });

  test("a store that fails is read again", async () => {
    const w = world({ a: 10 });
    w.fail(new HoldfastError("store", "unavailable", "no"));
    w.alarms.start();
    await w.settle();
    await w.pass(1_000);
    assert.deepEqual([w.woken.length, w.reads], [0, 2]);
    w.fail(undefined);
    await w.pass(2_000);
    assert.deepEqual(w.woken, ["a"]);
  });

  test("so many at one time and no more, and one that hangs makes room after a while", async () => {
    const count = serverLimits.maxConcurrentWakes + 40;
    const w = world(
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${String(i).padStart(3, "0")}`, i])),
    );
    const open = new Map<string, () => void>();
    w.wakeWith((id) => new Promise((resolve) => open.set(id, resolve)));
    w.alarms.start();
    await w.settle();
    assert.equal(w.woken.length, serverLimits.maxConcurrentWakes);
    for (const [id, resolve] of [...open].slice(0, 10)) {
      w.due.delete(id);
      w.awake.add(id);
      resolve();
    }
    await w.settle();
    assert.equal(w.woken.length, serverLimits.maxConcurrentWakes + 10);
    await w.pass(serverLimits.wakeTimeoutMs);
    assert.equal(w.woken.length, count);
  });

  test("after the stop nothing is woken, whatever was under way", async () => {
    const w = world({ a: 10, b: 1_000_500 });
    w.alarms.start();
    await w.alarms.stop();
    w.alarms.expect(1);
    w.alarms.look();
    w.alarms.left("x", "failed", 1);
    await w.settle();
    assert.deepEqual([w.woken.length, w.timers.size], [0, 0]);
  });
});
