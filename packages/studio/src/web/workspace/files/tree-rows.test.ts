import assert from "node:assert/strict";
import { test } from "node:test";
import type { TreeEntry } from "./source/file-source.ts";
import { foldersAbove, treeRows } from "./tree-rows.ts";

const entry = (path: string, more: Partial<TreeEntry> = {}): TreeEntry => ({
  ...{ name: path.slice(path.lastIndexOf("/") + 1), path, entryType: "file", size: 0 },
  ...more,
});
const folder = (path: string, more: Partial<TreeEntry> = {}) =>
  entry(path, { entryType: "directory", ...more });

test("folders come first, open ones are followed by what they hold, and what is below an ignored one is ignored", () => {
  const rows = treeRows(
    "/w",
    new Map([
      [
        "/w",
        {
          entries: [
            entry("/w/a.ts"),
            folder("/w/build", { ignored: true }),
            folder("/w/src"),
            folder("/w/.git"),
          ],
        },
      ],
      ["/w/build", { entries: [entry("/w/build/out.js")] }],
      ["/w/src", {}],
    ]),
  );
  assert.deepEqual(
    rows.map(({ ref, depth, kind, isOpen, isIgnored }) => [ref, depth, kind, isOpen, isIgnored]),
    [
      ["/w/build", 0, "folder", true, true],
      ["/w/build/out.js", 1, "file", false, true],
      ["/w/src", 0, "folder", true, false],
      ["loading:/w/src", 1, "loading", false, false],
      ["/w/a.ts", 0, "file", false, false],
    ],
  );
});

test("a link to a folder cannot be opened, so that no tree is endless", () => {
  const up = folder("/w/up", { target: ".." });
  const rows = treeRows(
    "/w",
    new Map([
      ["/w", { entries: [up] }],
      ["/w/up", { entries: [up] }],
    ]),
  );
  assert.deepEqual(
    rows.map(({ kind, isOpen }) => [kind, isOpen]),
    [["link", false]],
  );
});

test("an empty folder, and one that cannot be listed, say so", () => {
  const kindsBelow = (state: object) =>
    treeRows(
      "/w",
      new Map([
        ["/w", { entries: [folder("/w/a")] }],
        ["/w/a", state],
      ]),
    ).map(({ kind }) => kind);
  assert.deepEqual(kindsBelow({ entries: [] }), ["folder", "empty"]);
  assert.deepEqual(kindsBelow({ error: new Error("gone") }), ["folder", "failed"]);
});

test("the folders above a file are those below the root", () => {
  assert.deepEqual(foldersAbove("/w", "/w/a/b/c.ts"), ["/w/a", "/w/a/b"]);
  assert.deepEqual(foldersAbove("/w", "/w/c.ts"), []);
  assert.deepEqual(foldersAbove("/w", "/etc/passwd"), []);
});
