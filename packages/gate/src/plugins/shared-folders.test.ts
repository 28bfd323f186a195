import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { foldersOf } from "./shared-folders.ts";

test("a folder is written by others where another plugin writes in it, below it or above it", (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-shared-")));
  t.after(() => rmSync(root, { recursive: true }));
  for (const each of ["a/b", "ab"]) mkdirSync(join(root, each), { recursive: true });
  symlinkSync("a", join(root, "link"));
  const at = (path: string, mode: "ro" | "rw" = "rw") => ({ x: { path: join(root, path), mode } });
  const byOthers = (own: string, other: string, mode: "ro" | "rw" = "rw") =>
    foldersOf("files", { files: { folders: at(own, "ro") }, git: { folders: at(other, mode) } })["x"]
      ?.writtenByOthers === true;
  for (const [own, other] of [
    ["a", "a"],
    ["a", "a/b"],
    ["a/b", "a"],
    ["a/", "link/b"],
    ["link", "a"],
    ["", "later"],
    ["later", "later/on"],
  ] as const)
    assert.ok(byOthers(own, other), `${own} ${other}`);
  for (const [own, other] of [
    ["a", "ab"],
    ["a/b", "ab"],
    ["later", "late"],
  ] as const)
    assert.ok(!byOthers(own, other), `${own} ${other}`);
  assert.ok(!byOthers("a", "a", "ro"), "who only reads writes nothing");
  assert.deepEqual(foldersOf("files", { files: { folders: at("a") } }), at("a"), "its own are no other's");
  assert.deepEqual(foldersOf("files", { git: { folders: at("a") } }), {});
});

test("on several nodes, the plugin itself writes at the others what this one reads", () => {
  const [own, below] = ["/srv/own", "/srv/own/below"].map((path) => ({ path, mode: "rw" as const }));
  const byOthers = (folders: Record<string, { path: string; mode: "ro" | "rw" }>) =>
    Object.values(foldersOf("files", { files: { folders } }, true)).map(
      (each) => each.writtenByOthers === true,
    );
  assert.ok(own !== undefined && below !== undefined);
  assert.deepEqual(byOthers({ own }), [true]);
  assert.deepEqual(byOthers({ below, above: { ...own, mode: "ro" } }), [true, true]);
  assert.deepEqual(byOthers({ read: { ...own, mode: "ro" } }), [false]);
});
