import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readWrittenLines } from "./read-lines.ts";

/** Reads a file that is appended to while its last line is incomplete. */
async function read(t: TestContext, content: string, more: readonly string[], until?: number) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-lines-"));
  const path = join(directory, "log");
  writeFileSync(path, content);
  const file = await open(path, "r");
  t.after(async () => {
    await file.close();
    rmSync(directory, { recursive: true, force: true });
  });
  let waits = 0;
  const wait = async () => {
    appendFileSync(path, more[waits] ?? "");
    waits += 1;
  };
  const lines: string[] = [];
  for await (const line of readWrittenLines(file, 100, until, wait)) lines.push(line);
  return { lines, waits };
}

test("a last line that is still being written is returned once it is complete", async (t) => {
  assert.deepEqual(await read(t, "one\ntw", ["o\nthr", "ee", "\n"]), {
    lines: ["one", "two", "three"],
    waits: 3,
  });
});

test("an incomplete last line that is not continued is returned as it is", async (t) => {
  assert.deepEqual(await read(t, "one\ntw", []), { lines: ["one", "tw"], waits: 1 });
  assert.deepEqual(await read(t, "one\ntw", ["o"]), { lines: ["one", "two"], waits: 2 });
  assert.deepEqual(await read(t, "one\n", ["two\n"]), { lines: ["one"], waits: 0 });
});

test("lines that start after the given position are not returned", async (t) => {
  assert.deepEqual((await read(t, "one\ntwo\nthree\n", [], 4)).lines, ["one"]);
  assert.deepEqual((await read(t, "one\ntwo\nthree\n", [], 5)).lines, ["one", "two"]);
  assert.deepEqual((await read(t, "one\ntw", ["o\n"], 5)).lines, ["one", "two"]);
});
