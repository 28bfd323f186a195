import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { OutsideMarks } from "./outside-marks.ts";

test("marks of files are limited, and none is dropped at the limit", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-marks-"));
  const marks = new OutsideMarks(directory, 2);
  t.after(() => {
    marks.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const files = ["a", "b"].map((name) => {
    const path = join(directory, name);
    writeFileSync(path, "");
    return lstatSync(path, { bigint: true });
  });
  const fullAfter = files.map((file) => {
    marks.add(file);
    // Adding a mark twice counts once.
    marks.add(file);
    return marks.full;
  });
  assert.deepEqual(fullAfter, [false, true]);
  assert.deepEqual(
    files.map((file) => marks.has(file)),
    [true, true],
  );
  for (const file of files.slice(0, 1)) marks.remove(file);
  assert.equal(marks.full, false);
});

test("marks of a later version are left untouched", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-marks-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const db = new DatabaseSync(join(directory, "marks.sqlite"));
  db.exec("PRAGMA user_version = 2");
  db.close();
  assert.throws(() => new OutsideMarks(directory, 2), /version 2, but this plugin supports only 1/);
});
