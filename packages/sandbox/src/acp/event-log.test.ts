import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EventLog } from "./event-log.ts";

describe("EventLog", () => {
  test("the oldest events beyond the limit are dropped, and the rest is numbered without gaps", () => {
    const log = new EventLog(3, 1_000);
    for (let index = 1; index <= 5_000; index += 1) assert.equal(log.append(`event ${index}`), index);
    assert.equal(log.firstSeq, 4_998);
    assert.equal(log.lastSeq, 5_000);
    assert.equal(log.get(4_997), undefined);
    assert.deepEqual(
      [4_998, 4_999, 5_000].map((seq) => log.get(seq)?.data),
      ["event 4998", "event 4999", "event 5000"],
    );
  });

  test("the oldest bytes beyond the limit are dropped, but never the newest event", () => {
    const log = new EventLog(1_000, 10);
    for (const data of ["12345", "12345", "1"]) log.append(data);
    assert.equal(log.firstSeq, 2);
    log.append("x".repeat(100));
    assert.equal(log.firstSeq, 4);
    assert.equal(log.get(4)?.data.length, 100);
    assert.equal(log.offset, 111);
  });

  test("an event that may wait is announced soon, or in order with the next immediate one", async () => {
    const log = new EventLog(10, 1_000);
    const told: number[] = [];
    log.onAppend(() => told.push(log.notifiedSeq));
    log.append("first", "soon");
    assert.deepEqual([log.notifiedSeq, told], [0, []]);
    log.append("second");
    assert.deepEqual(told, [2]);
    log.append("third", "soon");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told, [2, 3]);
  });
});
