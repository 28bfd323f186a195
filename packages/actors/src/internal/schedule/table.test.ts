import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeValue, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { EntryBuffer, space } from "../kv/entry-buffer.ts";
import type { RecurringRow } from "./rows.ts";
import { ScheduleTable } from "./table.ts";

function table(): ScheduleTable {
  const store = createMemoryStore({ ports: systemPorts() });
  return new ScheduleTable(new EntryBuffer(store, "a", space.records, () => {}));
}

function row(name: string, dueAt = 1, changes: Partial<RecurringRow> = {}): RecurringRow {
  return {
    kind: "recurring",
    id: name,
    name,
    action: "a",
    args: encodeValue([]),
    cadence: { kind: "every", interval: 5_000, anchor: 0 },
    scheduledAt: dueAt,
    dueAt,
    attempts: 0,
    maxHistory: 1_000,
    history: { from: 0, to: 0 },
    ...changes,
  };
}

function add(rows: ScheduleTable, name: string, time: number): void {
  const now = rows.recurring.get(name);
  assert.ok(now !== undefined);
  rows.put(rows.history.add(now, { action: "a", scheduledAt: time, firedAt: time, result: "ok" }));
}

test("an actor keeps 10,000 history rows; beyond that, the longest history loses its oldest row", async () => {
  const rows = table();
  for (let i = 0; i < 11; i++) rows.put(row(`job${i}`));
  const total = (): number => {
    let sum = 0;
    for (const { history } of rows.recurring.values()) sum += history.to - history.from;
    return sum;
  };
  for (let i = 0; i < 9; i++) for (let n = 0; n < 1_000; n++) add(rows, `job${i}`, n);
  for (let n = 0; n < 999; n++) add(rows, "job9", n);
  assert.equal(total(), 9_999);
  add(rows, "job10", 1);
  assert.equal(total(), 10_000);
  add(rows, "job10", 2);
  assert.equal(total(), 10_000);
  // The short history is complete.
  const rare = rows.recurring.get("job10");
  assert.ok(rare !== undefined);
  assert.deepEqual(
    (await rows.history.list(rare, 10)).map(({ firedAt }) => firedAt),
    [2, 1],
  );
  const [longest] = [...rows.recurring.values()].filter(({ history }) => history.from > 0);
  assert.ok(longest !== undefined);
  const kept = await rows.history.list(longest, 1_000);
  assert.deepEqual([kept.length, kept.at(-1)?.firedAt], [999, 1]);
});

test("schedules whose names share a prefix have separate histories", async () => {
  const rows = table();
  for (const name of ["a", "a\u0000", "aa", "b"]) {
    rows.put(row(name));
    for (let n = 0; n < 3; n++) add(rows, name, n);
  }
  const a = rows.recurring.get("a");
  assert.ok(a !== undefined);
  assert.equal((await rows.history.list(a, 100)).length, 3);
  rows.delete(a);
  for (const name of ["a\u0000", "aa", "b"]) {
    const other = rows.recurring.get(name);
    assert.ok(other !== undefined);
    assert.equal((await rows.history.list(other, 100)).length, 3, JSON.stringify(name));
  }
});

test("the earliest time is updated by every change and ignores paused schedules", () => {
  const rows = table();
  assert.equal(rows.earliest, undefined);
  rows.put(row("a", 30));
  rows.put(row("b", 20));
  assert.equal(rows.earliest, 20);
  const back = rows.checkpoint();
  rows.put(row("b", 20, { paused: true }));
  assert.equal(rows.earliest, 30);
  rows.put({
    kind: "at",
    id: "o",
    action: "a",
    args: encodeValue([]),
    scheduledAt: 5,
    dueAt: 5,
    attempts: 0,
  });
  assert.equal(rows.earliest, 5);
  back();
  assert.equal(rows.earliest, 20);
  rows.delete(row("b", 20));
  assert.equal(rows.earliest, 30);
});
