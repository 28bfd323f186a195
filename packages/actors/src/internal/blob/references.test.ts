import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import {
  blobReferencePrefix,
  decodeSize,
  decodeStream,
  encodeSize,
  encodeStream,
  hashOfKey,
  referenceKey,
  referenceKind,
} from "./references.ts";

const hash = "00ff".repeat(16);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("object records keep their published format", () => {
  assert.equal(hex(blobReferencePrefix(hash)), `0070${hash}`);
  assert.equal(hex(referenceKey(hash, referenceKind.blob)), `70${hash}00`);
  assert.equal(hex(referenceKey(hash, referenceKind.kv, Uint8Array.of(7, 8))), `70${hash}010708`);
  assert.deepEqual(hashOfKey(referenceKey(hash, referenceKind.kv)), { hash, kind: 1 });
  assert.equal(hex(encodeSize(5_000_000_000)), "0141f2a05f20000000");
  assert.equal(decodeSize(Buffer.from("0141f2a05f20000000", "hex")), 5_000_000_000);
  assert.equal(hex(encodeStream({ hash, size: 3 })), `014008000000000000${hash}`);
  assert.deepEqual(decodeStream(Buffer.from(`014008000000000000${hash}`, "hex")), { hash, size: 3 });
});

test("a record of another format is rejected", () => {
  assert.throws(
    () => decodeSize(Buffer.from("024008000000000000", "hex")),
    (error) => isErrorCode(error, "store", "format_too_new"),
  );
});
