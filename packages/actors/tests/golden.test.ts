import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { decodeState, encodePatch, encodeSnapshot, type Operation, op } from "../src/internal/state/patch.ts";
import { decodeOutcome, encodeOutcome } from "../src/internal/turn/call-result.ts";

/**
 * Written by version 1, in hexadecimal. These files never change: a later format adds its own files, and all released
 * formats stay readable.
 */
interface Golden {
  readonly snapshot: string;
  readonly patches: readonly string[];
  readonly result: string;
  readonly error: string;
}

const golden: Golden = JSON.parse(readFileSync(new URL("golden/format-1.json", import.meta.url), "utf8"));
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");

const initial = {
  count: 1,
  text: "zwölf",
  big: 2n ** 70n,
  nothing: null,
  missing: undefined,
  date: new Date(1_700_000_000_000),
  pattern: /a+/gi,
  bytes: new Uint8Array([1, 2, 255]),
  floats: new Float64Array([1.5, -0]),
  list: [3, 1, 2],
  map: new Map<unknown, unknown>([
    ["a", { n: 1 }],
    [7, true],
  ]),
  set: new Set<unknown>(["x", "y"]),
  inner: { gone: true, kept: [{ id: 1 }] },
};

const operations: Operation[][] = [
  [
    [op.set, ["count"], 2],
    [op.delete, ["inner", "gone"]],
    [op.splice, ["list"], 1, 1, [9, 8]],
    [op.length, ["inner", "kept"], 2],
  ],
  [
    [op.add, ["set"], "z"],
    [op.delete, ["set", "x"]],
    [op.set, ["map", "a", "n"], 5],
    [op.delete, ["map", 7]],
    [op.reorder, ["list"], [3, 2, 1, 0]],
  ],
  [
    [op.clear, ["set"]],
    [op.set, ["inner", "kept", 1], { id: 2 }],
  ],
];

const final = {
  ...initial,
  count: 2,
  list: [2, 8, 9, 3],
  map: new Map([["a", { n: 5 }]]),
  set: new Set(),
  inner: { kept: [{ id: 1 }, { id: 2 }] },
};

const error = new HoldfastError("user", "nope", "No", { metadata: { a: 1 }, statusCode: 400 });

test("format 1 of snapshots and patches can be read", () => {
  assert.deepEqual(decodeState(bytes(golden.snapshot), golden.patches.map(bytes)), final);
});

test("format 1 of call records can be read", () => {
  assert.deepEqual(decodeOutcome(bytes(golden.result)), {
    type: "result",
    bytes: new Uint8Array([0x18, 0x2a]),
  });
  const outcome = decodeOutcome(bytes(golden.error));
  assert.ok(outcome.type === "error" && isErrorCode(outcome.error, "user", "nope"));
  assert.deepEqual(
    [outcome.error.message, outcome.error.metadata, outcome.error.statusCode],
    ["No", { a: 1 }, 400],
  );
});

test("format 1 is written byte for byte", () => {
  const written: Golden = {
    snapshot: hex(encodeSnapshot(initial)),
    patches: operations.map((list) => hex(encodePatch(list))),
    result: hex(encodeOutcome({ type: "result", bytes: new Uint8Array([0x18, 0x2a]) })),
    error: hex(encodeOutcome({ type: "error", error })),
  };
  assert.deepEqual(written, golden);
});

test("bytes of other formats, and damaged ones, cause typed errors", () => {
  const unknown = (thrown: unknown): boolean => isErrorCode(thrown, "store", "unknown_format");
  assert.throws(() => decodeState(new Uint8Array([2, 0xf6]), []), unknown);
  assert.throws(() => decodeState(new Uint8Array(), []), unknown);
  assert.throws(() => decodeOutcome(new Uint8Array([9, 0])), unknown);
  const snapshot = encodeSnapshot({ list: [1] });
  for (const broken of [
    [[99, []]],
    [[op.set, ["list", "x", "y"], 1]],
    [[op.splice, ["list"], -1, 0, []]],
    5,
  ]) {
    assert.throws(
      () => decodeState(snapshot, [encodePatch(broken as never)]),
      (thrown) => isErrorCode(thrown, "store", "corrupt_state"),
    );
  }
});
