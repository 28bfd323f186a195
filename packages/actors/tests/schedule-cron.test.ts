import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CronFire, CronJobInfo } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { deferred, world } from "./harness.ts";
import { advance, invoke, scheduled, script, settle } from "./schedule-support.ts";

const code = (name: string) => (error: unknown) => isErrorCode(error, "schedule", name);
/** Start time of the test clock: 2027-01-15T08:00:00Z. */
const minute = 60_000;

describe("recurring schedules", () => {
  test("every: at multiples of the interval, without drift, with history", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "beat", interval: 5_000, action: "fire", args: ["x"] });
    assert.deepEqual(await invoke(instance, "job", "beat"), {
      name: "beat",
      action: "fire",
      args: ["x"],
      nextRunAt: start + 5_000,
      lastRunAt: undefined,
      maxHistory: 100,
      kind: "every",
      interval: 5_000,
    });
    await advance(w, 16_000, 1_000);
    const [first] = s.fired;
    assert.deepEqual(
      s.fired.map(({ info }) => info.scheduledAt - start),
      [5_000, 10_000, 15_000],
    );
    assert.deepEqual(
      [first?.info.kind, first?.info.name, first?.text, first?.conn],
      ["every", "beat", "x", "undefined"],
    );
    assert.equal(new Set(s.fired.map(({ info }) => info.id)).size, 1);
    const at = (ms: number) => start + ms;
    assert.deepEqual(await invoke(instance, "history", "beat", 2), [
      { action: "fire", scheduledAt: at(15_000), firedAt: at(15_000), finishedAt: at(15_000), result: "ok" },
      { action: "fire", scheduledAt: at(10_000), firedAt: at(10_000), finishedAt: at(10_000), result: "ok" },
    ]);
    const job = await invoke<CronJobInfo>(instance, "job", "beat");
    assert.deepEqual([job.lastRunAt, job.nextRunAt], [at(15_000), at(20_000)]);
  });

  test("cron: at the times of the expression in its time zone", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    await invoke(instance, "set", {
      name: "morning",
      expression: "30 9 * * *",
      timezone: "Europe/Berlin",
      action: "fire",
      args: ["m"],
    });
    const job = await invoke<CronJobInfo>(instance, "job", "morning");
    assert.deepEqual(job, {
      name: "morning",
      action: "fire",
      args: ["m"],
      nextRunAt: Date.parse("2027-01-15T08:30:00Z"),
      lastRunAt: undefined,
      maxHistory: 100,
      kind: "cron",
      expression: "30 9 * * *",
      timezone: "Europe/Berlin",
    });
    await advance(w, 48 * 60 * minute, 30 * minute);
    assert.deepEqual(
      s.fired.map(({ info }) => new Date(info.scheduledAt).toISOString()),
      ["2027-01-15T08:30:00.000Z", "2027-01-16T08:30:00.000Z"],
    );
    assert.equal(s.fired[0]?.info.kind, "cron");
  });

  test("set again: the same cadence keeps its next time and id, another one starts over", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    const every = (interval: number, args: unknown[]) =>
      invoke(instance, "every", { name: "e", interval, action: "fire", args });
    const next = async () => (await invoke<CronJobInfo>(instance, "job", "e")).nextRunAt - start;
    await every(10_000, ["a"]);
    await advance(w, 4_000);
    await every(10_000, ["b"]);
    assert.equal(await next(), 10_000);
    await advance(w, 6_000);
    assert.deepEqual(
      s.fired.map(({ text }) => text),
      ["b"],
    );
    await every(7_000, ["c"]);
    assert.equal(await next(), 17_000);
    assert.equal((await invoke<unknown[]>(instance, "history", "e")).length, 1);
    await invoke(instance, "set", { name: "e", expression: "0 * * * *", action: "fire" });
    const job = await invoke<CronJobInfo>(instance, "job", "e");
    assert.deepEqual([job.kind, job.lastRunAt === undefined], ["cron", false]);
    assert.equal((await invoke<unknown[]>(instance, "jobs")).length, 1);
  });

  test("list is sorted by name, delete removes the history, unknown names are reported", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    for (const name of ["b", "a"]) await invoke(instance, "every", { name, interval: 5_000, action: "fire" });
    assert.deepEqual(
      (await invoke<CronJobInfo[]>(instance, "jobs")).map(({ name }) => name),
      ["a", "b"],
    );
    await advance(w, 5_000);
    assert.equal((await invoke<unknown[]>(instance, "history", "a")).length, 1);
    assert.equal(await invoke(instance, "drop", "a"), true);
    assert.equal(await invoke(instance, "drop", "a"), false);
    assert.deepEqual(await invoke(instance, "history", "a"), []);
    assert.equal(await invoke(instance, "job", "a"), undefined);
    await invoke(instance, "every", { name: "a", interval: 5_000, action: "fire" });
    assert.deepEqual(await invoke(instance, "history", "a"), []);
    for (const name of ["pause", "resume", "drop"]) assert.equal(await invoke(instance, name, "none"), false);
    assert.deepEqual(await invoke(instance, "history", "none"), []);
  });

  test("a failed run is recorded and not retried; the next one runs on time", async () => {
    const w = world();
    const s = script();
    s.failures = 1;
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
    await advance(w, 10_000);
    assert.deepEqual(
      s.fired.map(({ info }) => info.scheduledAt - start),
      [5_000, 10_000],
    );
    const [second, first] = await invoke<CronFire[]>(instance, "history", "e");
    assert.deepEqual([first?.result, second?.result], ["error", "ok"]);
    assert.deepEqual(first?.error, { group: "user", code: "told_to", message: "no", metadata: { count: 1 } });
  });

  test("retry: repeated according to the policy, and never after the next due time", async () => {
    const w = world();
    const s = script();
    s.failures = 2;
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    const retry = { maxAttempts: 5, minMs: 1_500, maxMs: 60_000 };
    await invoke(instance, "every", { name: "e", interval: 10_000, action: "fire", retry });
    await advance(w, 19_000, 500);
    assert.deepEqual(
      s.fired.map(({ info }) => [info.scheduledAt - start, info.firedAt - start, info.attempt ?? 1]),
      [
        [10_000, 10_000, 1],
        [10_000, 11_500, 2],
        [10_000, 14_500, 3],
      ],
    );
    s.failures = 3;
    s.fired.length = 0;
    await advance(w, 11_000, 500);
    // 20,000, 21,500, 24,500; the next retry would be after 30,000.
    assert.deepEqual(
      s.fired.map(({ info }) => [info.scheduledAt - start, info.firedAt - start]),
      [
        [20_000, 20_000],
        [20_000, 21_500],
        [20_000, 24_500],
        [30_000, 30_000],
      ],
    );
  });

  test("a due time during a run is skipped and recorded", async () => {
    const w = world();
    const s = script();
    const gate = deferred();
    s.wait = gate.promise;
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
    await advance(w, 12_000);
    assert.equal(s.fired.length, 1);
    const running = await invoke<CronFire[]>(instance, "history", "e");
    assert.deepEqual(
      running.map(({ result, scheduledAt }) => [result, scheduledAt - start]),
      [
        ["skipped", 10_000],
        ["running", 5_000],
      ],
    );
    s.wait = undefined;
    gate.resolve();
    await settle();
    await advance(w, 4_000);
    const after = await invoke<CronFire[]>(instance, "history", "e");
    assert.deepEqual(
      after.map(({ result, scheduledAt, finishedAt }) => [
        result,
        scheduledAt - start,
        (finishedAt ?? 0) - start,
      ]),
      [
        ["ok", 15_000, 15_000],
        ["skipped", 10_000, 10_000],
        ["ok", 5_000, 12_000],
      ],
    );
  });

  test("due times that a clock jump causes during a run are skipped together", async () => {
    const w = world();
    const s = script();
    const gate = deferred();
    s.wait = gate.promise;
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire", maxHistory: 3 });
    await advance(w, 6_000);
    w.ports.clock.advance(3_600_000);
    await advance(w, 4_000);
    s.wait = undefined;
    gate.resolve();
    await advance(w, 5_000);
    const history = await invoke<CronFire[]>(instance, "history", "e");
    assert.deepEqual(
      history.map(({ result, scheduledAt }) => [result, scheduledAt - start]),
      [
        ["ok", 3_615_000],
        ["skipped", 3_610_000],
        ["skipped", 3_605_000],
      ],
    );
    assert.equal(s.fired.length, 2);
  });

  test("a schedule of an action that does not exist is deleted", async () => {
    const w = world();
    const instance = w.create(scheduled(script()));
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "gone" });
    await advance(w, 5_000);
    assert.deepEqual(await invoke(instance, "jobs"), []);
  });

  test("pause and resume: missed times are not due and not caught up", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    const start = w.ports.clock.now();
    const options = { name: "e", interval: 5_000, action: "fire" };
    await invoke(instance, "every", options);
    assert.equal(await invoke(instance, "pause", "e"), true);
    assert.equal((await invoke<CronJobInfo>(instance, "job", "e")).paused, true);
    await invoke(instance, "every", options);
    await advance(w, 12_000);
    assert.equal(s.fired.length, 0);
    await instance.sleep();
    assert.equal((await w.store.get("a"))?.wakeAt, undefined);
    const again = await w.wake(definition);
    assert.equal(await invoke(again, "resume", "e"), true);
    assert.equal(await invoke(again, "resume", "e"), true);
    assert.equal((await invoke<CronJobInfo>(again, "job", "e")).paused, undefined);
    await advance(w, 4_000);
    assert.deepEqual(
      s.fired.map(({ info }) => info.scheduledAt - start),
      [15_000],
    );
  });

  test("startAt and endAt: no runs before or after, and the schedule ends", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    await invoke(instance, "every", {
      name: "e",
      interval: 5_000,
      action: "fire",
      startAt: start + 7_000,
      endAt: start + 17_000,
    });
    await invoke(instance, "set", {
      name: "c",
      expression: "*/10 * * * * *",
      action: "fire",
      args: ["cron"],
      startAt: start + 20_000,
      endAt: start + 39_999,
    });
    await advance(w, minute);
    assert.deepEqual(
      s.fired.map(({ info }) => [info.name, info.scheduledAt - start]),
      [
        ["e", 7_000],
        ["e", 12_000],
        ["e", 17_000],
        ["c", 20_000],
        ["c", 30_000],
      ],
    );
    assert.deepEqual(await invoke(instance, "jobs"), []);
    const ended = { name: "x", interval: 5_000, action: "fire", endAt: w.ports.clock.now() + 4_999 };
    await assert.rejects(invoke(instance, "every", ended), code("invalid_options"));
    await invoke(instance, "every", { ...ended, endAt: ended.endAt + 1 });
  });

  test("jitter: delays a run by less than the jitter and does not move due times", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const start = w.ports.clock.now();
    let drawn = 0;
    w.ports.random.bytes = (length) => {
      const bytes = new Uint8Array(length).fill(drawn++ % 2 === 0 ? 0x40 : 0xff);
      return bytes;
    };
    await invoke(instance, "every", { name: "e", interval: 10_000, action: "fire", jitterMs: 4_000 });
    await advance(w, 100_000, 250);
    assert.ok(s.fired.length >= 9);
    for (const [i, { info }] of s.fired.entries()) {
      assert.equal(info.scheduledAt - start, (i + 1) * 10_000);
      const late = info.firedAt - info.scheduledAt;
      assert.ok(late >= 1_000 && late < 4_250, String(late));
    }
  });
});

test("a clock that jumps back repeats no run", async () => {
  const w = world();
  const s = script();
  const instance = w.create(scheduled(s));
  const start = w.ports.clock.now();
  await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
  await invoke(instance, "set", { name: "c", expression: "*/5 * * * * *", action: "fire" });
  await advance(w, 10_000);
  w.ports.clock.advance(-8_000);
  await advance(w, 70_000);
  for (const name of ["e", "c"]) {
    const times = s.fired
      .filter(({ info }) => info.name === name)
      .map(({ info }) => info.scheduledAt - start);
    assert.deepEqual(
      times,
      Array.from({ length: 14 }, (_, i) => (i + 1) * 5_000),
      name,
    );
  }
});

describe("times missed while the actor was not running", () => {
  async function after(options: Record<string, unknown>, awayMs: number) {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 10 * minute, action: "fire", ...options });
    await instance.sleep();
    w.ports.clock.advance(awayMs);
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    const minutes = s.fired.map(({ info }) => (info.scheduledAt - start) / minute);
    const next = ((await invoke<CronJobInfo>(again, "job", "e")).nextRunAt - start) / minute;
    return { minutes, next };
  }

  test("once (default): one run for all of them", async () => {
    assert.deepEqual(await after({}, 35 * minute), { minutes: [10], next: 40 });
    assert.deepEqual(await after({ catchUp: "once" }, 35 * minute), { minutes: [10], next: 40 });
  });

  test("skip: no run, unless the time was less than a minute ago", async () => {
    assert.deepEqual(await after({ catchUp: "skip" }, 35 * minute), { minutes: [], next: 40 });
    assert.deepEqual(await after({ catchUp: "skip" }, 31 * minute), { minutes: [], next: 40 });
    assert.deepEqual(await after({ catchUp: "skip" }, 31 * minute - 1), { minutes: [30], next: 40 });
  });

  test("a number: the latest ones, in order", async () => {
    assert.deepEqual(await after({ catchUp: 2 }, 35 * minute), { minutes: [20, 30], next: 40 });
    assert.deepEqual(await after({ catchUp: 1 }, 35 * minute), { minutes: [30], next: 40 });
    assert.deepEqual(await after({ catchUp: 10 }, 35 * minute), { minutes: [10, 20, 30], next: 40 });
  });

  test("selected missed times run even if later times are skipped meanwhile", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s, { actionTimeout: Number.POSITIVE_INFINITY });
    const instance = w.create(definition);
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 10 * minute, action: "fire", catchUp: 2 });
    await instance.sleep();
    w.ports.clock.advance(35 * minute);
    const gate = deferred();
    s.wait = gate.promise;
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    await advance(w, 20 * minute, minute);
    s.wait = undefined;
    gate.resolve();
    await settle();
    const minutes = (time: number) => (time - start) / minute;
    assert.deepEqual(
      s.fired.map(({ info }) => minutes(info.scheduledAt)),
      [20, 30],
    );
    assert.equal(minutes((await invoke<CronJobInfo>(again, "job", "e")).nextRunAt), 60);
    assert.deepEqual(
      (await invoke<CronFire[]>(again, "history", "e")).map(({ result, scheduledAt }) => [
        result,
        minutes(scheduledAt),
      ]),
      [
        ["ok", 30],
        ["skipped", 50],
        ["skipped", 40],
        ["ok", 20],
      ],
    );
  });

  test("catching up continues after a crash, one run at a time", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    const start = w.ports.clock.now();
    await invoke(instance, "every", { name: "e", interval: 10 * minute, action: "fire", catchUp: 3 });
    await instance.sleep();
    w.ports.clock.advance(55 * minute);
    s.wait = new Promise(() => {});
    await (await w.wake(definition)).ready;
    await settle();
    assert.equal(s.fired.length, 1);
    s.wait = undefined;
    const again = await w.wake(definition);
    await again.ready;
    await settle();
    assert.deepEqual(
      s.fired.map(({ info }) => [(info.scheduledAt - start) / minute, info.attempt ?? 1]),
      [
        [30, 1],
        [30, 2],
        [40, 1],
        [50, 1],
      ],
    );
    const history = await invoke<CronFire[]>(again, "history", "e");
    assert.deepEqual(
      history.map(({ result, error }) => error?.code ?? result),
      ["ok", "ok", "ok", "interrupted"],
    );
  });
});

describe("history", () => {
  test("keeps maxHistory rows; fewer after it is lowered; none with 0", async () => {
    const w = world();
    const s = script();
    const instance = w.create(scheduled(s));
    const every = (maxHistory: number) =>
      invoke(instance, "every", { name: "e", interval: 5_000, action: "fire", maxHistory });
    const rows = async () => (await invoke<CronFire[]>(instance, "history", "e", 1_000)).length;
    await every(3);
    await advance(w, 25_000, 5_000);
    assert.equal(await rows(), 3);
    await every(2);
    assert.equal(await rows(), 2);
    await every(0);
    assert.equal(await rows(), 0);
    await advance(w, 10_000, 5_000);
    assert.equal(await rows(), 0);
    assert.equal(s.fired.length, 7);
  });

  test("survives sleep; returns 20 rows by default", async () => {
    const w = world();
    const s = script();
    const definition = scheduled(s);
    const instance = w.create(definition);
    await invoke(instance, "every", { name: "e", interval: 5_000, action: "fire" });
    await advance(w, 125_000, 5_000);
    await instance.sleep();
    const again = await w.wake(definition);
    assert.equal((await invoke<CronFire[]>(again, "history", "e")).length, 20);
    assert.equal((await invoke<CronFire[]>(again, "history", "e", 24)).length, 24);
    assert.equal((await invoke<CronFire[]>(again, "history", "e", 5_000)).length, 25);
  });
});

describe("validation", () => {
  test("rejects invalid names, intervals, expressions, time zones, histories and options", async () => {
    const w = world();
    const instance = w.create(scheduled(script()));
    const base = { name: "e", interval: 5_000, action: "fire" };
    const every = (change: Record<string, unknown>) => invoke(instance, "every", { ...base, ...change });
    for (const name of ["", "x".repeat(129), "ä".repeat(65), 5]) {
      await assert.rejects(every({ name }), code("invalid_name"));
      await assert.rejects(invoke(instance, "job", name), code("invalid_name"));
    }
    for (const name of ["x", "x".repeat(128), "ä".repeat(64), "\u0000"]) await every({ name });
    for (const interval of [4_999, 4_999.9, -1, 0, Number.NaN, "5000", 2 ** 53]) {
      await assert.rejects(every({ interval }), code("invalid_interval"));
    }
    for (const maxHistory of [-1, 1_001, 1.5, "1"]) {
      await assert.rejects(every({ maxHistory }), code("invalid_max_history"));
    }
    for (const maxHistory of [0, 1_000]) await every({ maxHistory });
    await every({ interval: 5_000.5 });
    const told = await invoke<Record<string, unknown>>(instance, "job", "e");
    assert.equal(told["interval"], 5_000);
    await every({ ...told, interval: 6_000 });
    assert.equal((await invoke<{ interval: number }>(instance, "job", "e")).interval, 6_000);
    for (const startAt of ["now", Number.NaN]) await assert.rejects(every({ startAt }), code("invalid_time"));
    for (const change of [
      { jitterMs: -1 },
      { jitterMs: 86_400_001 },
      { catchUp: "all" },
      { catchUp: 0 },
      { catchUp: 1_001 },
      { retry: { maxAttempts: 0 } },
      { retry: { minMs: 10, maxMs: 5 } },
      { retry: 3 },
      { args: "x" },
      { intervall: 5 },
    ]) {
      await assert.rejects(every(change), code("invalid_options"), JSON.stringify(change));
    }
    await assert.rejects(every({ action: "" }), code("invalid_action"));
    await assert.rejects(invoke(instance, "every", undefined), code("invalid_options"));
    const set = (change: Record<string, unknown>) =>
      invoke(instance, "set", { name: "c", expression: "* * * * *", action: "fire", ...change });
    await assert.rejects(set({ expression: "every day" }), code("invalid_cron_expression"));
    await assert.rejects(set({ expression: "0 0 30 2 *" }), code("invalid_cron_expression"));
    await assert.rejects(set({ timezone: "Mars/Olympus" }), code("invalid_timezone"));
    for (const limit of [0, -1, 1.5, "1"]) {
      await assert.rejects(invoke(instance, "history", "e", limit), code("invalid_max_history"));
    }
    assert.equal(await invoke(instance, "job", "c"), undefined);
  });
});
