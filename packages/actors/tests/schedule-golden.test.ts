import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeValue, isErrorCode } from "@holdfast/core";
import {
  type DeadRow,
  deadKey,
  deadSequenceKey,
  decodeDead,
  decodeHistory,
  decodeRow,
  decodeSequence,
  encodeRecord,
  type HistoryRow,
  historyKey,
  type OneShotRow,
  type RecurringRow,
  rowKey,
} from "../src/internal/schedule/rows.ts";

/**
 * Written by version 1, in hexadecimal. This file never changes: a later format adds its own files, and all released
 * formats stay readable.
 */
const golden: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL("golden/schedule-format-1.json", import.meta.url), "utf8"),
);
const bytes = (name: string): Uint8Array => new Uint8Array(Buffer.from(golden[name] ?? "", "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

const args = encodeValue(["text", 2n ** 70n, new Date(1_700_000_000_000)]);
const oneShot: OneShotRow = {
  kind: "at",
  id: "0190a1b2-0000-7000-8000-000000000001",
  action: "users.remind",
  args,
  scheduledAt: 1_800_000_005_000,
  dueAt: 1_800_000_006_000,
  attempts: 1,
};
const every: RecurringRow = {
  kind: "recurring",
  id: "0190a1b2-0000-7000-8000-000000000002",
  name: "zwölf",
  action: "beat",
  args: encodeValue([]),
  cadence: { kind: "every", interval: 5_000, anchor: 1_800_000_005_000 },
  scheduledAt: 1_800_000_010_000,
  dueAt: 1_800_000_010_123,
  attempts: 1,
  startedAt: 1_800_000_010_124,
  runningEntry: 6,
  maxHistory: 100,
  history: { from: 3, to: 7 },
  lastRunAt: 1_800_000_005_001,
};
const cron: RecurringRow = {
  ...every,
  name: "nightly",
  cadence: { kind: "cron", expression: "0 3 * * *", timezone: "Europe/Berlin" },
  paused: true,
  startAt: 1_700_000_000_000,
  endAt: 1_900_000_000_000,
  jitterMs: 500,
  catchUp: 3,
  retry: { maxAttempts: 3, minMs: 100, maxMs: 1_000 },
  skipped: { from: 1, to: 2 },
  catchUpTo: 5,
};
const history: HistoryRow = {
  action: "beat",
  scheduledAt: 1,
  firedAt: 2,
  finishedAt: 3,
  result: "error",
  error: { group: "user", code: "no", message: "No", metadata: { a: 1 } },
};
const dead: DeadRow = {
  id: oneShot.id,
  action: "gone",
  args,
  scheduledAt: 1,
  failedAt: 2,
  attempts: 5,
  error: { group: "actor", code: "action_not_found", message: "There is no action" },
};

function written(): Record<string, string> {
  return {
    oneShot: hex(encodeRecord(oneShot)),
    every: hex(encodeRecord(every)),
    cron: hex(encodeRecord(cron)),
    history: hex(encodeRecord(history)),
    dead: hex(encodeRecord(dead)),
    sequence: hex(encodeRecord({ from: 1, to: 9 })),
    oneShotKey: hex(rowKey(oneShot)),
    cronKey: hex(rowKey(cron)),
    historyKey: hex(historyKey("zwölf", 258)),
    deadKey: hex(deadKey(3)),
    deadSequenceKey: hex(deadSequenceKey),
  };
}

test("format 1 of schedules can be read", () => {
  assert.deepEqual(decodeRow(bytes("oneShot")), oneShot);
  assert.deepEqual(decodeRow(bytes("every")), every);
  assert.deepEqual(decodeRow(bytes("cron")), cron);
  assert.deepEqual(decodeHistory(bytes("history")), history);
  assert.deepEqual(decodeDead(bytes("dead")), dead);
  assert.deepEqual(decodeSequence(bytes("sequence")), { from: 1, to: 9 });
});

test("format 1 is written byte for byte", () => {
  assert.deepEqual(written(), golden);
});

test("bytes of other formats, and damaged ones, cause a typed error", () => {
  const invalid = (error: unknown): boolean => isErrorCode(error, "schedule", "invalid_schedule_row");
  const damaged = [
    new Uint8Array(),
    new Uint8Array([2, 0xa0]),
    new Uint8Array([1, 0xff]),
    new Uint8Array([1, 0xf6]),
    new Uint8Array([1, 0xa0]),
    bytes("oneShot").slice(0, 40),
    bytes("sequence"),
  ];
  for (const data of damaged) {
    assert.throws(() => decodeRow(data), invalid, hex(data));
    assert.throws(() => decodeHistory(data), invalid, hex(data));
    assert.throws(() => decodeDead(data), invalid, hex(data));
  }
  assert.throws(() => decodeSequence(bytes("oneShot")), invalid);
});
