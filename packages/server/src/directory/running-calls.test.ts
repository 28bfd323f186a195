import assert from "node:assert/strict";
import { test } from "node:test";
import { Cancellation } from "@holdfast/actors";
import type { ActorTarget } from "@holdfast/client";
import { RunningCall, RunningCalls } from "./running-calls.ts";

const get: ActorTarget = { type: "get", name: "counter", key: ["a"] };
const getOrCreate: ActorTarget = { type: "getOrCreate", name: "counter", key: ["a"] };
const other: ActorTarget = { type: "get", name: "counter", key: ["b"] };

function added(calls: RunningCalls, target: ActorTarget, key: string): RunningCall {
  const call = new RunningCall(target, key, new Cancellation());
  calls.add(call);
  return call;
}

test("calls are found by key and actor, with any form of address", () => {
  const calls = new RunningCalls();
  const first = added(calls, get, "1");
  added(calls, other, "1");
  const retry = added(calls, getOrCreate, "1");
  added(calls, get, "2");
  assert.deepEqual(new Set(calls.find(get, "1")), new Set([first, retry]));
  assert.deepEqual(calls.find(get, "3"), []);
});

test("removing the oldest, the newest or another call leaves the others", () => {
  for (const gone of [0, 1, 2]) {
    const calls = new RunningCalls();
    const all: RunningCall[] = [];
    for (let n = 0; n < 3; n++) all.push(added(calls, get, "1"));
    const [ended] = all.splice(gone, 1);
    assert(ended);
    calls.delete(ended);
    assert.deepEqual(new Set(calls.find(get, "1")), new Set(all));
    // As many calls fit in again, and none is found twice.
    const last = added(calls, get, "1");
    assert.equal(calls.find(get, "1").length, 3);
    for (const call of [...all, last]) calls.delete(call);
    assert.deepEqual(calls.find(get, "1"), []);
  }
});
