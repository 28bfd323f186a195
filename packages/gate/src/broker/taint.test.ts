import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Taint } from "./taint.ts";

test("a session is tainted once, by what came first, also after a restart", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-taint-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "taint.db");
  const first = Taint.open(path);
  assert.deepEqual([first.has("s"), first.reason("s")], [false, undefined]);
  assert.deepEqual([first.mark("s", "a page"), first.mark("s", "a mail")], [true, false]);
  assert.deepEqual([first.has("s"), first.reason("s"), first.has("t")], [true, "a page", false]);
  first.close();
  const second = Taint.open(path);
  t.after(() => second.close());
  assert.equal(second.mark("s", "a mail"), false);
  assert.equal(second.reason("s"), "a page");
  second.mark("long", "x".repeat(1_000));
  assert.equal(second.reason("long")?.length, 300);
});

test("a session that the disk did not take is tainted, and saved with the next untrusted content", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-taint-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "taint.db");
  const first = Taint.open(path);
  // A copy of the file is being made, which takes longer than a call waits.
  const copying = new DatabaseSync(path);
  copying.exec("BEGIN EXCLUSIVE");
  assert.throws(() => first.mark("s", "a page"), /locked/);
  assert.equal(first.has("s"), true);
  copying.exec("ROLLBACK");
  copying.close();
  assert.deepEqual([first.mark("s", "a mail"), first.mark("s", "a mail")], [true, false]);
  first.close();
  const second = Taint.open(path);
  t.after(() => second.close());
  assert.equal(second.reason("s"), "a page");
});
