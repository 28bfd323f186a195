import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { makeSocketFolder } from "./socket-folder.ts";

test("a folder for sockets is this user's alone, empty, and short enough for an address", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hs-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const own of [join(directory, "s"), join(directory, "long".repeat(30), "s")]) {
    mkdirSync(own, { recursive: true, mode: 0o755 });
    writeFileSync(join(own, "left"), "");
    const folder = await makeSocketFolder(own);
    assert.equal(statSync(folder.path).mode & 0o777, 0o700);
    assert.ok(Buffer.byteLength(folder.path) <= 75 && !existsSync(join(own, "left")));
    assert.equal(folder.path === own, own.length <= 75);
    await folder.remove();
    assert.ok(!existsSync(folder.path));
    assert.deepEqual(readdirSync(dirname(own)), []);
  }
});

test("a link to anything but a socket folder is removed without its target", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hs-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [own, kept] = [join(directory, "s"), join(directory, "kept")];
  mkdirSync(kept);
  writeFileSync(join(kept, "file"), "");
  symlinkSync(kept, own);
  const folder = await makeSocketFolder(own);
  assert.equal(folder.path, own);
  assert.deepEqual([readdirSync(own), readdirSync(kept)], [[], ["file"]]);
});
