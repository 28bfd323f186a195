import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mixedVersions } from "./installed-versions.ts";

function projectWith(versions: Readonly<Record<string, string>>): string {
  const project = mkdtempSync(join(tmpdir(), "holdfast-versions-"));
  for (const [name, version] of Object.entries(versions)) {
    const folder = join(project, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version }));
  }
  return project;
}

test("packages of several versions are named with the line that mends them", (t) => {
  const project = projectWith({ holdfast: "0.2.0", "@holdfast/core": "0.2.0", "@holdfast/studio": "0.1.0" });
  t.after(() => rmSync(project, { recursive: true }));
  assert.equal(
    mixedVersions(project, "0.2.0"),
    "Packages of Holdfast have different versions: holdfast 0.2.0, but @holdfast/studio 0.1.0. Run: npm install @holdfast/studio@0.2.0",
  );
});

test("a command of another version than the project's is told", (t) => {
  const project = projectWith({ holdfast: "0.2.0" });
  t.after(() => rmSync(project, { recursive: true }));
  assert.match(mixedVersions(project, "0.1.0") ?? "", /has holdfast 0\.2\.0, but this command is 0\.1\.0/);
  assert.equal(mixedVersions(project, "0.2.0"), undefined);
});
