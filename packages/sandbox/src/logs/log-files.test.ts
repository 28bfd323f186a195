import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LogFiles } from "./log-files.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-logs-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("each day has a file, kept for a week; other files stay", () => {
  const logs = join(directory, "a", "logs");
  let now = Date.UTC(2026, 0, 1, 23, 59, 59);
  const files = new LogFiles(logs, assert.fail, () => now);
  writeFileSync(join(logs, "notes.log"), "mine");
  files.write("one");
  files.write("two");
  now += 1_000;
  files.write("three");
  assert.equal(readFileSync(join(logs, "sandbox-2026-01-01.log"), "utf8"), "one\ntwo\n");
  assert.equal(readFileSync(join(logs, "sandbox-2026-01-02.log"), "utf8"), "three\n");
  assert.equal(statSync(join(logs, "sandbox-2026-01-02.log")).mode & 0o777, 0o600);
  now = Date.UTC(2026, 0, 8, 12);
  files.write("a week later");
  assert.deepEqual(readdirSync(logs).sort(), [
    "notes.log",
    "sandbox-2026-01-01.log",
    "sandbox-2026-01-02.log",
    "sandbox-2026-01-08.log",
  ]);
  now = Date.UTC(2026, 0, 9, 12);
  files.write("and a day");
  assert.deepEqual(readdirSync(logs).sort(), [
    "notes.log",
    "sandbox-2026-01-02.log",
    "sandbox-2026-01-08.log",
    "sandbox-2026-01-09.log",
  ]);
});

test("a directory that is lost is reported once, and used again when it is back", () => {
  const logs = join(directory, "lost");
  const failures: string[] = [];
  const files = new LogFiles(logs, (reason) => failures.push(reason));
  rmSync(logs, { recursive: true });
  files.write("one");
  files.write("two");
  assert.equal(failures.length, 1);
  const again = new LogFiles(logs, assert.fail);
  again.write("three");
  files.write("four");
  assert.equal(failures.length, 1);
  assert.match(readFileSync(join(logs, readdirSync(logs)[0] ?? ""), "utf8"), /three\nfour\n/);
});
