/** Folders as people and programs change them: in place, by another file, by another folder. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { FolderWatcher } from "./folder-watcher.ts";

/** A watched folder with one plugin, and the next change of it. */
function watched(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), "holdfast-watcher-"));
  removeAtExit(home);
  const plugin = join(home, "plugin");
  mkdirSync(join(plugin, "skills"), { recursive: true });
  writeFileSync(join(plugin, "handler.js"), "0");
  let told = Promise.withResolvers<void>();
  const watcher = new FolderWatcher(home, { onChange: () => told.resolve(), onWatchFailed: assert.fail });
  t.after(() => watcher.close());
  watcher.watch();
  const seen = async (change: () => void) => {
    told = Promise.withResolvers<void>();
    change();
    await told.promise;
  };
  return { home, plugin, seen };
}

test("a file that is replaced again and again is seen each time, and in place after it", {
  timeout: 60_000,
}, async (t) => {
  const { plugin, seen } = watched(t);
  const file = join(plugin, "handler.js");
  for (const text of ["1", "2", "3"]) {
    await seen(() => {
      writeFileSync(join(plugin, ".handler.js.new"), text);
      renameSync(join(plugin, ".handler.js.new"), file);
    });
  }
  await seen(() => writeFileSync(file, "4"));
});

test("a folder that takes the place of another is watched, and so is one that comes back", {
  timeout: 60_000,
}, async (t) => {
  const { home, plugin, seen } = watched(t);
  const file = join(plugin, "skills", "use.md");
  for (const text of ["1", "2"]) {
    mkdirSync(join(home, ".staging", text, "skills"), { recursive: true });
    await seen(() => {
      renameSync(plugin, join(home, ".staging", `old${text}`));
      renameSync(join(home, ".staging", text), plugin);
    });
    await seen(() => writeFileSync(file, text));
  }
  await seen(() => rmSync(home, { recursive: true }));
  await seen(() => mkdirSync(join(plugin, "skills"), { recursive: true }));
  await seen(() => writeFileSync(file, "3"));
});

test("a folder that cannot be watched is told once, and not looked at again and again", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const blind: string[] = [];
  let looks = 0;
  const home = join(mkdtempSync(join(tmpdir(), "holdfast-watcher-")), "file", "plugins");
  removeAtExit(join(home, "..", ".."));
  writeFileSync(join(home, ".."), "no folder");
  const look = () => {
    looks += 1;
    watcher.watch();
  };
  const watcher = new FolderWatcher(home, { onChange: look, onWatchFailed: (folder) => blind.push(folder) });
  t.after(() => watcher.close());
  watcher.watch();
  for (let n = 0; n < 5; n += 1) t.mock.timers.tick(1_000);
  assert.deepEqual([blind, looks], [[home], 1]);
});
