import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { countNames, measureDisk } from "./disk-usage.ts";

test("names are counted like inodes where no file has two names", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-names-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "-print", "deep"), { recursive: true });
  for (const name of ["a b", "-delete", "ü", "deep"])
    writeFileSync(join(folder, "-print", `${name}.txt`), "x");
  const { signal } = new AbortController();
  const { entries } = await measureDisk([folder], [], true, signal);
  assert.equal(entries, 7);
  assert.deepEqual(await countNames([folder], signal), { sum: 7, hidden: false });
});

test("a deleted file counts while a process holds it open", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-deleted-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const held = openSync(join(folder, "held"), "w");
  writeSync(held, Buffer.alloc(1_048_576, "x"));
  rmSync(join(folder, "held"));
  const { signal } = new AbortController();
  const { bytes } = await measureDisk([folder], [process.pid], false, signal);
  closeSync(held);
  assert.ok(bytes >= 1_048_576, `${bytes}`);
  const { bytes: later } = await measureDisk([folder], [process.pid], false, signal);
  assert.ok(later < 1_048_576, `${later}`);
});

test("space that could not be counted is reported as hidden", async () => {
  assert.equal((await countNames(["/"], AbortSignal.abort())).hidden, true);
});
