import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorInstance } from "@holdfast/actors";
import type { LogFields, Logger } from "@holdfast/core";
import { SlowCalls } from "./slow-calls.ts";

test("a call is slow from the threshold on, and many of them are counted in place of logged", () => {
  const records: LogFields[] = [];
  const log = { warn: (_: string, fields: LogFields) => void records.push(fields) } as unknown as Logger;
  const instance = { id: "id", name: "note" } as ActorInstance;
  const calls = new SlowCalls(log, 100);
  calls.ended(instance, "write", 99, 0);
  assert.deepEqual(records, []);
  calls.ended(instance, "write", 100, 0, "actor.action_timed_out");
  const first = { actorId: "id", name: "note", action: "write", durationMs: 100 };
  assert.deepEqual(records, [{ ...first, code: "actor.action_timed_out" }]);
  for (let each = 0; each < 24; each++) calls.ended(instance, "write", 100, 9_999);
  assert.equal(records.length, 20);
  calls.ended(instance, "write", 100, 10_000);
  calls.ended(instance, "write", 100, 10_000);
  assert.deepEqual(records.slice(20), [{ ...first, omitted: 5 }, first]);
});
