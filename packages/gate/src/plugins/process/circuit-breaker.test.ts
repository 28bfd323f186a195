import assert from "node:assert/strict";
import { test } from "node:test";
import { pluginLimits } from "../plugin-limits.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

const { crashRestMs, crashWindowMs, maxCrashes } = pluginLimits;

function setup() {
  const time = { now: 1_000_000 };
  const breaker = new CircuitBreaker({ now: () => time.now });
  const crash = (times: number) => {
    for (let n = 0; n < times; n++) breaker.recordCrash();
  };
  return { time, breaker, crash };
}

test("rests after so many crashes within the window, for its time", () => {
  const { time, breaker, crash } = setup();
  crash(maxCrashes - 1);
  assert.equal(breaker.pauseMs(), 0);
  crash(1);
  assert.deepEqual([breaker.crashes, breaker.pauseMs()], [maxCrashes, crashRestMs]);
  time.now += crashRestMs - 1;
  assert.equal(breaker.pauseMs(), 1);
  time.now += 1;
  assert.equal(breaker.pauseMs(), 0);
  // Those before still count: one more is enough.
  crash(1);
  assert.equal(breaker.pauseMs(), crashRestMs);
});

test("crashes that are far apart do not count together, and a new version has none", () => {
  const { time, breaker, crash } = setup();
  crash(maxCrashes - 1);
  time.now += crashWindowMs;
  crash(1);
  assert.deepEqual([breaker.crashes, breaker.pauseMs()], [1, 0]);
  crash(maxCrashes);
  breaker.reset();
  assert.deepEqual([breaker.crashes, breaker.pauseMs()], [0, 0]);
});

test("a clock that is put back makes no rest longer, and no crash one of now", () => {
  const { time, breaker, crash } = setup();
  crash(maxCrashes);
  time.now -= 24 * 3_600_000;
  assert.equal(breaker.pauseMs(), 0);
  crash(1);
  assert.deepEqual([breaker.crashes, breaker.pauseMs()], [1, 0]);
});
