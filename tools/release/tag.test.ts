import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { preparedRelease, type Release, writeRelease } from "./prepare.ts";
import { tagProblems, tagRelease } from "./tag.ts";

function scratch(t: { after(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-tag-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a release is tagged once, with its notes, and never moved", (t) => {
  const root = scratch(t);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      ...{ cwd: root, encoding: "utf8" },
      env: { PATH: process.env["PATH"], HOME: root, GIT_CONFIG_NOSYSTEM: "1" },
    }).trim();
  git("init", "--quiet");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  git("commit", "--quiet", "--allow-empty", "-m", "one");
  const commit = git("rev-parse", "HEAD");
  const release = { version: "1.2.0", commit } as Release;
  writeFileSync(join(root, "NOTES.md"), "# Holdfast 1.2.0\n\n- All of it.\n");
  assert.deepEqual(tagProblems(root, "1.2.0", commit), []);
  assert.equal(tagRelease(root, root, release), "v1.2.0");
  assert.equal(tagRelease(root, root, release), "v1.2.0");
  assert.equal(git("rev-parse", "v1.2.0^{commit}"), commit);
  assert.equal(git("tag", "--list", "--format=%(contents)"), "# Holdfast 1.2.0\n\n- All of it.");
  assert.deepEqual(tagProblems(root, "1.2.0", commit), []);
  git("commit", "--quiet", "--allow-empty", "-m", "two");
  const next = git("rev-parse", "HEAD");
  assert.match(tagProblems(root, "1.2.0", next).join(), new RegExp(`v1\\.2\\.0 is at commit ${commit}`));
  assert.throws(() => tagRelease(root, root, { ...release, commit: next }), /already exists/);
});

test("publishing goes on with the release that was prepared, if it is whole and of the same commit", (t) => {
  const folder = join(scratch(t), "release");
  mkdirSync(folder);
  const tarball = join(folder, "..", "holdfast-1.2.0.tgz");
  writeFileSync(tarball, "tarball");
  const packed = [{ name: "holdfast", version: "1.2.0", manifest: { name: "holdfast" }, tarball }];
  const tree = {
    ...{ commit: "abc", changes: "", version: "1.2.0", kept: [], changelog: "## 1.2.0\n\n- All of it.\n" },
    repository: "https://example.org/a/b",
  };
  assert.equal(preparedRelease(folder, "1.2.0", tree), undefined);
  const release = writeRelease(folder, "1.2.0", tree, packed);
  assert.deepEqual(preparedRelease(folder, "1.2.0", tree), release);
  const { repository: _, ...unnamed } = tree;
  for (const [version, other] of [
    ["1.2.1", tree],
    ["1.2.0", { ...tree, commit: "def" }],
    ["1.2.0", unnamed],
  ] as const)
    assert.equal(preparedRelease(folder, version, other), undefined);
  writeFileSync(join(folder, "packages", "holdfast-1.2.0.tgz"), "half");
  assert.equal(preparedRelease(folder, "1.2.0", tree), undefined);
});
