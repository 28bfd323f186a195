import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutgoingEvent } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { decodeMovedConnections, encodeMovedConnections, type MovedConnection } from "./moved-format.ts";

const event = (name: string, ...args: readonly number[]): OutgoingEvent => ({
  name,
  args: new Uint8Array(args),
});
const [first, second, third] = [event("said", 1), event("said", 2), event("told", 3, 4)] as const;
const memory = { subscriptions: ["said"], rooms: ["red"] };
const connections: readonly MovedConnection[] = [
  { id: "a", tokens: ["t1"], memory, kept: { first: 5, events: [first, second] } },
  { id: "b", tokens: ["t2", "t3"], memory, kept: { first: 1, events: [second, third, first, first] } },
  { id: "c", tokens: ["t4"], memory: { subscriptions: [], rooms: [] }, kept: { first: 9, events: [] } },
];

/** Format 1; never changes. */
const golden =
  "018283826473616964410182647361696441028264746f6c64420304838661618162743181647361696481637265640582000286616282627432627433816473616964816372656401860102000100018661638162743480800980";

test("format 1 of moved connections is read, and written byte for byte", () => {
  assert.equal(Buffer.from(encodeMovedConnections(connections, 1_000)).toString("hex"), golden);
  assert.deepEqual(decodeMovedConnections(new Uint8Array(Buffer.from(golden, "hex"))), connections);
});

test("an event that several connections keep is one object afterwards", () => {
  const [a, b] = decodeMovedConnections(encodeMovedConnections(connections, 1_000));
  assert.equal(a?.kept.events[1], b?.kept.events[0]);
});

test("connections whose events exceed the limit are left out", () => {
  const idsWithin = (bytes: number): readonly string[] =>
    decodeMovedConnections(encodeMovedConnections(connections, bytes)).map(({ id }) => id);
  assert.deepEqual(idsWithin(4), ["a", "b", "c"]);
  assert.deepEqual(idsWithin(3), ["a", "c"]);
  assert.deepEqual(idsWithin(1), ["c"]);
});

test("other formats and damaged documents cause typed errors", () => {
  const bytes = Buffer.from(golden, "hex");
  const damaged: Uint8Array[] = [new Uint8Array(0), new Uint8Array([2, ...bytes.subarray(1)])];
  for (let at = 1; at < bytes.length; at++) damaged.push(new Uint8Array(bytes.subarray(0, at)));
  for (const document of damaged) {
    assert.throws(
      () => decodeMovedConnections(document),
      (error) =>
        isErrorCode(error, "store", "unknown_format") || isErrorCode(error, "message", "malformed_cbor"),
    );
  }
});
