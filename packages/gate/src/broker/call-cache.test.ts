import assert from "node:assert/strict";
import { test } from "node:test";
import { brokerLimits } from "./broker-limits.ts";
import { type CachedCall, CallCache, digestOf } from "./call-cache.ts";

const id = Buffer.from("peer");

function started(calls: CallCache, correlation: string): CachedCall {
  const key = CallCache.key(id, correlation);
  const call = {
    ...{ key, digest: digestOf(Buffer.from(correlation)), cancel: new AbortController() },
    ...{ waiting: [], answer: undefined, at: 0 },
  };
  calls.start(call);
  return call;
}

test("an answer is kept for as long as it may be asked for again, and no longer", () => {
  const calls = new CallCache();
  const call = started(calls, "one");
  assert.equal(calls.running, 1);
  calls.end(call, Buffer.from("answer"), true, 1_000);
  assert.equal(calls.running, 0);
  assert.equal(calls.get(call.key, 1_000 + brokerLimits.keptAnswerMs), call);
  assert.equal(calls.get(call.key, 1_001 + brokerLimits.keptAnswerMs), undefined);
  assert.equal(calls.get(call.key, 1_000), undefined);
});

test("what changed nothing is not kept", () => {
  const calls = new CallCache();
  const call = started(calls, "one");
  calls.end(call, Buffer.from("answer"), false, 0);
  assert.equal(calls.get(call.key, 0), undefined);
});

test("so many answers are kept, and so many bytes of them: the oldest go first", () => {
  const many = new CallCache();
  const all = Array.from({ length: brokerLimits.maxKeptAnswers + 1 }, (_, index) =>
    started(many, `${index}`),
  );
  for (const call of all) many.end(call, Buffer.from("x"), true, 0);
  assert.deepEqual(
    all.map((call) => many.get(call.key, 0) !== undefined),
    all.map((_, index) => index > 0),
  );
  const large = new CallCache();
  const half = Buffer.alloc(brokerLimits.maxKeptBytes / 2);
  const [first, second, third] = ["1", "2", "3"].map((each) => started(large, each));
  assert.ok(first && second && third);
  for (const call of [first, second]) large.end(call, half, true, 0);
  assert.ok(large.get(first.key, 0) && large.get(second.key, 0));
  large.end(third, Buffer.from("x"), true, 0);
  assert.equal(large.get(first.key, 0), undefined);
  assert.ok(large.get(second.key, 0) && large.get(third.key, 0));
});

test("calls of one kind are cancelled, with the reason", () => {
  const calls = new CallCache();
  const [one, two] = [started(calls, "one"), started(calls, "two")];
  const reason = new Error("the jail ended");
  calls.cancel(reason, (call) => call === one);
  assert.deepEqual([one.cancel.signal.reason, two.cancel.signal.aborted], [reason, false]);
  calls.cancel(reason);
  assert.ok(two.cancel.signal.aborted);
});
