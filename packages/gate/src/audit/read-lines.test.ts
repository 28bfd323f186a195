import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readWrittenLines } from "./read-lines.ts";

/** The lines of a file of which more is written while it is waited for the end of its last line. */
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

test("a last line that somebody is writing is given when it has its end", async (t) => {
  assert.deepEqual(await read(t, "one\ntw", ["o\nthr", "ee", "\n"]), {
    lines: ["one", "two", "three"],
    waits: 3,
  });
});

test("a last line without an end that nobody goes on with is given as it is", async (t) => {
  assert.deepEqual(await read(t, "one\ntw", []), { lines: ["one", "tw"], waits: 1 });
  assert.deepEqual(await read(t, "one\ntw", ["o"]), { lines: ["one", "two"], waits: 2 });
  assert.deepEqual(await read(t, "one\n", ["two\n"]), { lines: ["one"], waits: 0 });
});

test("lines that begin later than asked for are not given", async (t) => {
  assert.deepEqual((await read(t, "one\ntwo\nthree\n", [], 4)).lines, ["one"]);
  assert.deepEqual((await read(t, "one\ntwo\nthree\n", [], 5)).lines, ["one", "two"]);
  assert.deepEqual((await read(t, "one\ntw", ["o\n"], 5)).lines, ["one", "two"]);
});
