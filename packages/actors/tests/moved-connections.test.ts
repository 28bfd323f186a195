import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { movedConnectionWrites, takeMovedConnections } from "../src/internal/connections/moved-records.ts";
import type { KvEntry } from "../src/ports/records.ts";

/** The entries that an actor reads after these writes. */
function stored(document: Uint8Array): readonly KvEntry[] {
  return movedConnectionWrites(document).flatMap((write) =>
    write.type === "put" ? [{ key: write.key.subarray(1), value: write.value }] : [],
  );
}

function take(entries: readonly KvEntry[]) {
  const deleted: string[] = [];
  const records = { delete: (key: Uint8Array) => void deleted.push(Buffer.from(key).toString("hex")) };
  return { document: takeMovedConnections(records, entries), deleted };
}

test("format 1 of the records of moved connections is written byte for byte", () => {
  const writes = movedConnectionWrites(new Uint8Array([1, 2, 3]));
  assert.deepEqual(
    writes.map((write) => ({
      type: write.type,
      key: Buffer.from(write.type === "delete-range" ? write.start : write.key).toString("hex"),
      value: write.type === "put" ? Buffer.from(write.value).toString("hex") : undefined,
    })),
    [
      { type: "delete-range", key: "0007", value: undefined },
      { type: "put", key: "00070000", value: "01010203" },
    ],
  );
});

test("a document is read once, in one piece, and its records are deleted", () => {
  const document = new Uint8Array(600_000).map((_, at) => at % 251);
  const taken = take(stored(document));
  assert.deepEqual(taken.document, document);
  assert.deepEqual(taken.deleted, ["070000", "070001", "070002"]);
  assert.deepEqual(take([]), { document: undefined, deleted: [] });
});

test("another format is a typed error", () => {
  assert.throws(
    () => take([{ key: new Uint8Array([7, 0, 0]), value: new Uint8Array([9, 1]) }]),
    (error) => isErrorCode(error, "store", "unknown_format"),
  );
});
