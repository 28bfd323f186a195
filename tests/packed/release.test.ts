/** What a release would publish, made of the packages that all files of this folder share. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Manifest } from "../../tools/release/manifests.ts";
import { bomFile, notesFile, type Release, writeRelease } from "../../tools/release/prepare.ts";
import type { Bom } from "../../tools/release/sbom.ts";
import { root } from "../../tools/workspace.ts";
import { packPackages } from "./support/packed-packages.ts";

const changelog = "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- All of it.\n";

test("a release lists all packages behind those that they need, with notes, a bill of materials and checksums", {
  timeout: 300_000,
}, async (t) => {
  const packed = await packPackages();
  const version = packed.find(({ name }) => name === "holdfast")?.version ?? "";
  // The binding of ZeroMQ gets the version of a release with it.
  const own = packed.filter((item) => !item.name.startsWith("@holdfast/zeromq"));
  const folder = mkdtempSync(join(tmpdir(), "holdfast-release-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const tree = {
    ...{ commit: "abc", changes: "", version, kept: [] },
    changelog: changelog.replace("0.1.0", version),
  };
  assert.throws(
    () => writeRelease(folder, version, tree, packed),
    /@holdfast\/zeromq\S* is packed with version/,
  );

  writeRelease(folder, version, tree, own);

  const release = JSON.parse(readFileSync(join(folder, "release.json"), "utf8")) as Release;
  const names = release.packages.map(({ name }) => name);
  assert.deepEqual(names.toSorted(), own.map(({ name }) => name).toSorted());
  for (const { name, manifest } of own) {
    const { dependencies, peerDependencies } = manifest as { [field in keyof Manifest]?: object };
    for (const needed of Object.keys({ ...dependencies, ...peerDependencies })) {
      if (names.includes(needed))
        assert.ok(names.indexOf(needed) < names.indexOf(name), `${needed}, ${name}`);
    }
  }
  assert.deepEqual(
    release.images.map(({ name }) => name),
    [`holdfast:${version}`, `holdfast-sandbox:${version}`],
  );
  for (const { containerfile, command } of release.images) {
    // Each argument of the command is one that the file takes.
    const text = readFileSync(join(root, containerfile), "utf8");
    for (const [, name] of command.matchAll(/--build-arg (\w+)=/g))
      assert.match(text, new RegExp(`^ARG ${name}=`, "m"));
  }
  execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: folder });
  assert.match(readFileSync(join(folder, notesFile), "utf8"), /^# Holdfast \d.*\n\n- All of it\.\n$/);
  const bom = JSON.parse(readFileSync(join(folder, bomFile), "utf8")) as Bom;
  const components = new Set(bom.components.map(({ name, version: its }) => `${name}@${its}`));
  for (const name of names) assert.ok(components.has(`${name}@${version}`), name);
  assert.equal(bom.metadata.component["bom-ref"], `holdfast-workspace@${version}`);
  assert.equal(bom.metadata.component.name, "holdfast-workspace");
  // The web apps carry it inside; no package depends on it.
  assert.ok(bom.components.some(({ name }) => name === "@tanstack/react-router"));
});
