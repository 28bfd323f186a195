import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import {
  appendSegment,
  decodePath,
  ordinalsKey,
  rootPrefix,
} from "../src/internal/workflow/history/location.ts";
import {
  decodeBox,
  decodeEntry,
  decodeHeader,
  type EntryFields,
  encodeBox,
  encodeEntry,
  encodeHeader,
  type Header,
} from "../src/internal/workflow/history/record.ts";

/** Written by version 1, in hexadecimal. Never changes: a later format adds its own file. */
interface Golden {
  readonly header: string;
  readonly child: string;
  readonly entry: string;
  readonly failed: string;
  readonly box: string;
  readonly path: string;
}

const golden: Golden = JSON.parse(readFileSync(new URL("golden/workflow-1.json", import.meta.url), "utf8"));
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

const header: Header = {
  state: "failed",
  run: 2,
  startedAt: 1_700_000_000_000,
  endedAt: 1_700_000_000_500,
  error: { name: "TypeError", message: "no", metadata: { group: "user", code: "x" } },
  resumable: true,
  cancelReason: undefined,
  parent: undefined,
};
const child: Header = {
  ...header,
  state: "running",
  error: undefined,
  endedAt: undefined,
  resumable: false,
  parent: { name: "sum", key: ["a", "b"], token: "secret", child: "c1" },
};
const entry: EntryFields = {
  ordinal: 7,
  kind: "step",
  status: "completed",
  attempts: 2,
  createdAt: 1_700_000_000_000,
  lastAttemptAt: 1_700_000_000_100,
  completedAt: 1_700_000_000_101,
  completion: 3,
  error: undefined,
  rollbackCompletedAt: undefined,
  rollbackError: undefined,
  data: { output: { n: 1n, at: new Date(5), gone: undefined } },
};
const failed: EntryFields = {
  ...entry,
  kind: "join",
  status: "failed",
  completedAt: undefined,
  completion: undefined,
  error: { name: "JoinError", message: "Join failed: a" },
  rollbackError: "no",
  data: { branches: { a: { status: "failed", error: { name: "Error", message: "x" } } } },
};
const path = ["loop", 3, "zwölf", "branch", "step"];
const key = path.reduce(appendSegment, rootPrefix);

test("format 1 is written byte for byte", () => {
  const written: Golden = {
    header: hex(encodeHeader(header)),
    child: hex(encodeHeader(child)),
    entry: hex(encodeEntry(entry)),
    failed: hex(encodeEntry(failed)),
    box: hex(encodeBox(["name", { payload: [1, 2] }])),
    path: hex(key),
  };
  assert.deepEqual(written, golden);
});

test("format 1 can be read", () => {
  assert.deepEqual(decodeHeader(bytes(golden.header)), header);
  assert.deepEqual(decodeHeader(bytes(golden.child)), child);
  assert.deepEqual(decodeEntry(bytes(golden.entry)), entry);
  assert.deepEqual(decodeEntry(bytes(golden.failed)), failed);
  assert.deepEqual(decodeBox(bytes(golden.box)), ["name", { payload: [1, 2] }]);
  assert.deepEqual(decodePath(bytes(golden.path)), path);
});

test("the next ordinal of a history has its own record, in the same format", () => {
  const file = new URL("golden/workflow-ordinals-1.json", import.meta.url);
  const kept: { readonly key: string; readonly value: string } = JSON.parse(readFileSync(file, "utf8"));
  assert.deepEqual({ key: hex(ordinalsKey), value: hex(encodeBox(300)) }, kept);
  assert.equal(decodeBox(bytes(kept.value)), 300);
});

test("bytes of other formats, and damaged ones, cause typed errors", () => {
  const unknown = (thrown: unknown): boolean => isErrorCode(thrown, "store", "unknown_format");
  for (const decode of [decodeHeader, decodeEntry, decodeBox]) {
    assert.throws(() => decode(new Uint8Array([2, 0x80])), unknown);
    assert.throws(() => decode(new Uint8Array()), unknown);
    assert.throws(() => decode(new Uint8Array([1, 0xff])), unknown);
  }
  assert.throws(() => decodePath(new Uint8Array([...rootPrefix, 9])), unknown);
  assert.throws(() => decodePath(new Uint8Array([...rootPrefix, 1, 0, 9, 65])), unknown);
});
