import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiffFile } from "../../../contract.ts";
import { isGenerated, startsOpen, viewedPaths } from "./file-facts.ts";

function file(path: string, more: Partial<DiffFile> = {}): DiffFile {
  return {
    ...{ path, status: "modified", additions: 1, deletions: 1, binary: false, contentId: "1", patch: "" },
    ...{ runsOnYourMachine: false, ...more },
  } as DiffFile;
}

test("a file stays viewed until its content changes", () => {
  const viewed = ["a", "b", "gone"].map((path) => ({ path, contentId: "1" }));
  const files = [file("a"), file("b", { contentId: "2" }), file("c")];
  assert.deepEqual([...viewedPaths(files, { viewed, comments: [], reverts: [], revision: 1 })], ["a"]);
});

test("viewed, generated, deleted and large files start collapsed", () => {
  assert.equal(startsOpen(file("src/a.ts"), false), true);
  assert.equal(startsOpen(file("src/a.ts"), true), false);
  assert.equal(startsOpen(file("src/a.ts", { additions: 500 }), false), false);
  assert.equal(startsOpen(file("src/a.ts", { status: "deleted" }), false), false);
  assert.deepEqual(
    ["web/package-lock.json", "dist/a.js", "a.min.css", "src/distance.ts", "lock.ts"].map(isGenerated),
    [true, true, true, false, false],
  );
});
