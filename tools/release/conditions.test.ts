import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { releaseNotes, sectionOf } from "./changelog.ts";
import { checkFolder, distTag, problemsOf, publishProblemsOf, type Tree, webAddress } from "./conditions.ts";

const changelog = `# Changelog

## Unreleased

## 1.2.0 (2026-11-26)

### Actors
- Queues: [reference](docs/reference/queues.md), [paper](https://paper.example/q).

## 1.1.0

## 1.0.0

- First.
`;
const tree: Tree = {
  ...{ commit: "abc", changes: "", version: "1.2.0", changelog },
  kept: ["1.1.0", "1.2.0"],
  repository: "https://git.example/h",
};

test("a clean tree with notes can be released and published", () => {
  assert.deepEqual(problemsOf(tree, "1.2.0"), []);
  assert.deepEqual(publishProblemsOf(tree, "1.2.0"), []);
});

test("a dirty tree, missing and empty notes and a mistyped version are told", () => {
  const dirty = problemsOf({ ...tree, changes: " M a.ts\n?? b.ts" }, "1.2.0");
  assert.equal(dirty.length, 1);
  assert.match(dirty[0] ?? "", /Commit or remove them:\n M a\.ts\n\?\? b\.ts$/);
  assert.match(problemsOf(tree, "1.3.0").join(), /has no section "## 1\.3\.0"/);
  assert.match(problemsOf(tree, "1.1.0").join(), /section "## 1\.1\.0" of CHANGELOG\.md is empty/);
  for (const version of ["v1.2.0", "1.2", "1.2.0 ", "1.2.0-"])
    assert.match(problemsOf(tree, version).join(), /is no version/, version);
});

test("another version in the tree, unreleased changes and no repository keep it from being published", () => {
  const { repository: _, ...without } = tree;
  const unreleased = changelog.replace("## Unreleased\n", "## Unreleased\n\n- More.\n");
  const problems = publishProblemsOf({ ...without, version: "1.1.0", changelog: unreleased }, "1.2.0");
  assert.match(
    problems.join("\n"),
    /have version 1\.1\.0.*--prepare.*\n.*Unreleased.*\n.*address of the repository is not known.*--repository/,
  );
});

test("a version leaves data for the upgrade test of the next one", () => {
  const [problem, ...more] = publishProblemsOf({ ...tree, kept: ["1.1.0"] }, "1.2.0");
  assert.match(problem ?? "", /no data of 1\.2\.0.*Run: npm run release -- --prepare --version 1\.2\.0/);
  assert.deepEqual(more, []);
  assert.doesNotMatch(publishProblemsOf(tree, "1.3.0-rc.1").join(), /no data/);
});

test("the address of the repository is that of its remote, as a browser opens it", () => {
  for (const remote of [
    "https://git.example/ann/h.git",
    "https://ann:secret@git.example/ann/h",
    "git@git.example:ann/h.git",
    "ssh://git@git.example:2222/ann/h.git",
    "git+https://git.example/ann/h/",
  ])
    assert.equal(webAddress(remote), "https://git.example/ann/h", remote);
  assert.equal(webAddress("http://git.example:3000/h.git"), "http://git.example:3000/h");
  for (const remote of ["", "/srv/git/h.git", "../h", "file:///srv/h.git", "https://git.example", "C:\\h"])
    assert.equal(webAddress(remote), undefined, remote);
});

test("versions to try out are not what npm installs by default", () => {
  assert.equal(distTag("1.2.0"), "latest");
  assert.equal(distTag("1.2.0-rc.1"), "next");
  assert.deepEqual(problemsOf({ ...tree, changelog: "## 1.2.0-rc.1\n\n- Try." }, "1.2.0-rc.1"), []);
});

test("the notes are the section of the version, with links that work elsewhere", () => {
  const section = sectionOf(changelog, "1.2.0") ?? "";
  assert.equal(
    releaseNotes(section, "1.2.0"),
    "# Holdfast 1.2.0\n\n## Actors\n- Queues: reference, [paper](https://paper.example/q).\n",
  );
  assert.match(
    releaseNotes(section, "1.2.0", tree.repository),
    /\[reference\]\(https:\/\/git\.example\/h\/blob\/v1\.2\.0\/docs\/reference\/queues\.md\)/,
  );
});

test("a folder with other things is not replaced by a release", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-release-"));
  try {
    checkFolder(join(folder, "missing"));
    checkFolder(folder);
    writeFileSync(join(folder, "letter.txt"), "");
    assert.throws(() => checkFolder(folder), /holds something else than a release/);
    writeFileSync(join(folder, "release.json"), "{}");
    checkFolder(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
