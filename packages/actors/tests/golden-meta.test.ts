import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { EntryBuffer, space } from "../src/internal/kv/entry-buffer.ts";
import { metaKey, readMeta, writeMeta } from "../src/internal/lifecycle/meta-records.ts";
import { controlledStore, testPorts } from "./harness.ts";

/** Format 1 of the runtime's own records, as keys and values in hexadecimal; never changes. */
type Golden = Readonly<Record<keyof typeof metaKey, readonly [key: string, value: string]>>;

const golden: Golden = JSON.parse(
  readFileSync(new URL("golden/meta-format-1.json", import.meta.url), "utf8"),
);
const values = { stateVersion: 3, runWakeAt: 1_800_000_000_000, destroyAskedAt: 1_800_000_000_500 } as const;
const names = ["stateVersion", "runWakeAt", "destroyAskedAt"] as const;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const entry = ([key, value]: readonly [string, string]) => ({ key: bytes(key), value: bytes(value) });

test("format 1 of the runtime's own records is read, and written byte for byte", async () => {
  for (const name of names) {
    assert.equal(readMeta([entry(golden[name])], metaKey[name]), values[name]);
    const records = new EntryBuffer(controlledStore(testPorts()), "a", space.records, () => {});
    writeMeta(records, metaKey[name], values[name]);
    const [operation] = records.take(1) ?? [];
    assert.ok(operation?.type === "put");
    assert.equal(Buffer.from(operation.key).toString("hex"), `00${golden[name][0]}`);
    assert.equal(Buffer.from(operation.value).toString("hex"), golden[name][1]);
  }
});

test("other formats and damaged bytes cause typed errors", () => {
  for (const value of ["", "02", "0140", "024008000000000000"]) {
    assert.throws(
      () => readMeta([entry(["0101", value])], metaKey.stateVersion),
      (error) => isErrorCode(error, "store", "unknown_format"),
    );
  }
});
