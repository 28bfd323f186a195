/** What the operating system refuses, in words for a terminal. */
import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
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

test("a refusal is told with the file that it is about", () => {
  const text = failureText(thrownBy(() => openSync("/nowhere/x", "r")));
  assert.equal(text, "/nowhere/x: no such file or directory (system.enoent)");
});

test("a full disk, which names no file, is told in words too", { skip: process.platform !== "linux" }, () => {
  const full = openSync("/dev/full", "w");
  try {
    const text = failureText(thrownBy(() => writeSync(full, "x")));
    assert.equal(text, "no space left on device (system.enospc)");
  } finally {
    closeSync(full);
  }
});

test("a full disk that a database has met is told as any other", () => {
  const database = new DatabaseSync(":memory:");
  try {
    database.exec("CREATE TABLE kept (value); PRAGMA max_page_count = 3");
    const text = failureText(thrownBy(() => database.exec("INSERT INTO kept VALUES (randomblob(100000))")));
    assert.equal(text, "no space left on device (system.enospc)");
  } finally {
    database.close();
  }
});

test("what is no refusal of the system is told as it is", () => {
  assert.equal(failureText(new TypeError("no")), "TypeError: no");
});
