import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type LogRecord } from "@holdfast/core";
import { manualClock } from "@holdfast/testing";
import { LogTail } from "./log-tail.ts";

test("log records of an actor are kept at every level, and written as before", () => {
  const written: LogRecord[] = [];
  const tail = new LogTail();
  const clock = manualClock();
  const log = tail.tee(
    createLogger("warn", (record) => written.push(record), clock),
    clock,
  );
  const own = log.child({ actorId: "a", name: "n" }).child({ call: 1 });
  own.debug("one", { error: new Error("broken"), big: 2n, nested: { b: 1 } });
  own.warn("two");
  log.warn("of nobody");
  assert.deepEqual(
    written.map(({ message, fields }) => [message, fields]),
    [
      ["two", { actorId: "a", name: "n", call: 1 }],
      ["of nobody", {}],
    ],
  );
  const { records, last } = tail.read("a", 0, 10);
  assert.equal(last, 2);
  assert.deepEqual(
    records.map(({ seq, level, message }) => [seq, level, message]),
    [
      [1, "debug", "one"],
      [2, "warn", "two"],
    ],
  );
  assert.deepEqual(records[0]?.fields, { error: "Error: broken", big: "2", nested: { b: 1 } });
  assert.deepEqual(tail.read("a", 1, 10).records.length, 1);
  assert.deepEqual(tail.read("b", 0, 10), { records: [], last: 0 });
});

test("the numbers of records and actors are bounded", () => {
  const tail = new LogTail();
  const clock = manualClock();
  const log = tail.tee(
    createLogger("silent", () => {}),
    clock,
  );
  const heard: number[] = [];
  const stop = tail.listen("a", ({ seq }) => heard.push(seq));
  for (let index = 0; index < 250; index++) log.info("x", { actorId: "a" });
  stop();
  log.info("x", { actorId: "a" });
  assert.equal(heard.length, 250);
  const { records, last } = tail.read("a", 0, 1_000);
  assert.deepEqual([records.length, records[0]?.seq, last], [200, 52, 251]);
  for (let index = 0; index < 1_000; index++) log.info("x", { actorId: `other-${index}` });
  assert.equal(tail.read("a", 0, 10).last, 0);
  assert.equal(tail.read("other-0", 0, 10).last, 1);
});
