import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { actor, exportActor, importActor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, world } from "./harness.ts";

/** Exports of the same actor in each format, in hexadecimal; never change. */
const golden: Readonly<Record<"1" | "2", string>> = JSON.parse(
  readFileSync(new URL("golden/export-formats.json", import.meta.url), "utf8"),
);
const notes = actor({
  state: { lines: ["first"] },
  actions: {
    add: async (c, text: string) => {
      c.state.lines.push(text);
      await c.kv.put("last", text);
    },
    all: async (c) => [c.state.lines, await c.kv.get("last")],
  },
});
const copy = { id: "copy", name: "test", key: ["copy"], createdAt: 9 };
const file = (format: "1" | "2"): Buffer => Buffer.from(golden[format], "hex");
async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

for (const format of ["1", "2"] as const) {
  test(`an export of format ${format} can be read`, async () => {
    const w = world();
    await importActor(w.store, inOnePiece(file(format)), copy);
    assert.deepEqual(await call(await w.wake(notes, "copy"), "all"), [["first", "second"], "second"]);
  });
}

test("an export has exactly the bytes of format 2", async () => {
  const w = world();
  await call(w.create(notes), "add", "second");
  const pieces: Uint8Array[] = [];
  for await (const piece of exportActor(w.store, "a")) pieces.push(piece);
  assert.equal(Buffer.concat(pieces).toString("hex"), golden["2"]);
});

test("an export with one flipped bit is not imported", async () => {
  const w = world();
  const whole = file("2");
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await assert.rejects(
      importActor(w.store, inOnePiece(damaged), copy),
      (error) =>
        isErrorCode(error, "store", "invalid_import") ||
        (bit >> 3 === 4 && isErrorCode(error, "store", "format_too_new")),
      `bit ${bit}`,
    );
    assert.equal(await w.store.get("copy"), undefined);
  }
});
