import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeRecords } from "./log-records.ts";
import type { LogRecord } from "./types.ts";

const record = (time: number, seq: number, message: string): LogRecord => ({
  time,
  seq,
  message,
  level: "info",
  fields: {},
});

test("loaded and pushed records are shown once, in order", () => {
  const [first, second, third] = [record(5, 1, "a"), record(5, 2, "b"), record(6, 3, "c")];
  assert.deepEqual(mergeRecords([first, second], [second, third]), [first, second, third]);
});

test("records from before a server restart do not hide newer ones", () => {
  const before = [record(5, 1, "a"), record(6, 2, "b"), record(7, 3, "c")];
  const since = [record(20, 1, "started again"), record(21, 2, "d")];
  const pushed = record(22, 3, "e");
  assert.deepEqual(mergeRecords(since, [...before, pushed]), [...before, ...since, pushed]);
});
