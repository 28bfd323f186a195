/** Errors of the operating system as text for a terminal. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { failureText } from "./failure.ts";

function thrownBy(what: () => unknown): unknown {
  try {
    what();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("an error of the operating system names the file", () => {
  const text = failureText(thrownBy(() => openSync("/nowhere/x", "r")));
  assert.equal(text, "/nowhere/x: no such file or directory (system.enoent)");
});

test("a full disk, whose error names no file, is described", { skip: process.platform !== "linux" }, () => {
  const full = openSync("/dev/full", "w");
  try {
    const text = failureText(thrownBy(() => writeSync(full, "x")));
    assert.equal(text, "no space left on device (system.enospc)");
  } finally {
    closeSync(full);
  }
});

test("a full disk that SQLite reports is described in the same way", () => {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec("CREATE TABLE kept (value); PRAGMA max_page_count = 3");
    const text = failureText(thrownBy(() => database.exec("INSERT INTO kept VALUES (randomblob(100000))")));
    assert.equal(text, "no space left on device (system.enospc)");
  } finally {
    database.close();
  }
});

test("a missing folder for temporary files is reported with the variable to set", (t) => {
  const before = process.env["TMPDIR"];
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  for (const directory of ["/nowhere/tmp", "./nowhere"]) {
    process.env["TMPDIR"] = directory;
    const text = failureText(thrownBy(() => mkdtempSync(join(tmpdir(), "probe-"))));
    const told = `The folder for temporary files, ${directory}, cannot be used: no such file or directory.`;
    assert.equal(text, `${told} Choose another one with TMPDIR (system.enoent)`);
  }
});

test("any other error is printed as it is", () => {
  assert.equal(failureText(new TypeError("no")), "TypeError: no");
});
