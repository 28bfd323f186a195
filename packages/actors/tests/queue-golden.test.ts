import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import {
  decodeChunk,
  decodeDedupe,
  decodeHot,
  decodeMessage,
  decodeOutbox,
  dedupeRecordKey,
  encodeChunk,
  encodeDedupe,
  encodeHot,
  encodeMessage,
  encodeOutbox,
  type MessageRecord,
  numberedKey,
  type OutboxRecord,
} from "../src/internal/queue/mailbox/records.ts";

/** Written by format 1, in hexadecimal; never changes. */
type Golden = Readonly<
  Record<"hot" | "inline" | "chunked" | "dead" | "chunk" | "dedupe" | "dedupeKey" | "outbox", string>
>;

const golden: Golden = JSON.parse(
  readFileSync(new URL("golden/queue-format-1.json", import.meta.url), "utf8"),
);
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

const inline: MessageRecord = {
  id: 2 ** 40 + 7,
  queue: "jobs",
  createdAt: 1_700_000_000_000,
  attempt: 2,
  availableAt: 1_700_000_060_000,
  expiresAt: 0,
  priority: -1.5,
  waiters: ["key-1"],
  body: new Uint8Array([0x82, 1, 2]),
};
const chunked: MessageRecord = { ...inline, id: 1, waiters: [], body: { bytes: 300_000, chunks: 2 } };
const dead: MessageRecord = {
  ...inline,
  id: 2,
  death: { queue: "jobs", failedAt: 1_700_000_120_000, reason: "it broke" },
};
const outbox: OutboxRecord = {
  actor: "worker",
  address: ["a", "b"],
  creates: true,
  input: { first: 1 },
  queue: "jobs",
  body: new Uint8Array([1]),
  params: undefined,
  idempotencyKey: "key-2",
  options: { delayMs: 5 },
  createdAt: 1_700_000_000_000,
};

test("records of format 1 are read, and written byte for byte", () => {
  for (const [name, record] of Object.entries({ inline, chunked, dead })) {
    const value = golden[name as "inline"];
    assert.equal(hex(encodeMessage(record)), value);
    assert.deepEqual(decodeMessage(numberedKey(0x41, record.id), bytes(value)), record);
  }
  assert.equal(hex(encodeHot(1_025)), golden.hot);
  assert.equal(decodeHot(bytes(golden.hot)), 1_025);
  assert.equal(hex(encodeChunk(new Uint8Array([9, 8]))), golden.chunk);
  assert.deepEqual([...decodeChunk(bytes(golden.chunk))], [9, 8]);
  assert.equal(hex(encodeDedupe({ id: 5, expiresAt: 1_700_000_000_000 })), golden.dedupe);
  assert.deepEqual(decodeDedupe(bytes(golden.dedupe)), { id: 5, expiresAt: 1_700_000_000_000 });
  assert.equal(hex(dedupeRecordKey("jobs", "k")), golden.dedupeKey);
  assert.equal(hex(encodeOutbox(outbox)), golden.outbox);
  assert.deepEqual(decodeOutbox(bytes(golden.outbox)), outbox);
});

test("a record of an unknown format, or a damaged one, is rejected", () => {
  const unknown = (error: unknown): boolean => isErrorCode(error, "store", "unknown_format");
  assert.throws(() => decodeHot(new Uint8Array([2, 0x81, 1])), unknown);
  assert.throws(() => decodeHot(new Uint8Array()), unknown);
  assert.throws(
    () => decodeHot(new Uint8Array([1, 0x81, 0x61, 0x61])),
    (error) => isErrorCode(error, "store", "corrupt"),
  );
});
