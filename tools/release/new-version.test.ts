import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, workspacePackages } from "../workspace.ts";
import { changelogWith, withVersion } from "./new-version.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

test("a new version reaches all manifests, the lockfile and every source that names it", {
  skip: existsSync(join(root, ".git")) ? false : "needs the repository",
}, () => {
  const changed = withVersion(root, version, "7.8.9");
  const manifests = workspacePackages().map(({ folder }) => `packages/${folder}/package.json`);
  for (const path of ["package.json", "package-lock.json", "tools/site/package.json", ...manifests])
    assert.match(changed.get(path) ?? "", /"version": "7\.8\.9"/, path);
  const left = execFileSync("git", ["grep", "-nF", version, "--", ":(glob)packages/*/src/**", "deploy"], {
    ...{ cwd: root, encoding: "utf8" },
  })
    .trim()
    .split("\n")
    // Versions of others, and of its own: what a plugin needs, a new plugin, a binding of AsyncAPI.
    .filter((line) => !/>=|\.test\.ts:|kit\/scaffold\.ts:|bindingVersion|10\.1\.0/.test(line))
    .map((line) => line.split(":", 1)[0] ?? "");
  const sources = left.filter((path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path)).sort();
  // The demo agent imports nothing, so that it starts at once.
  const named = ["packages/core/src/version.ts", "packages/sandbox/src/demo/main.ts"];
  assert.deepEqual(sources, [...named, "packages/sandbox/src/demo/mcp-tools.ts"], "others import it");
  assert.deepEqual(
    left.filter((path) => !changed.has(path)),
    [],
    "each file that names the version gets the next one",
  );
  assert.match(changed.get("deploy/image/sandbox/Containerfile") ?? "", /^ARG VERSION=7\.8\.9$/m);
  const lock = JSON.parse(changed.get("package-lock.json") ?? "") as {
    packages: Record<string, { version?: string }>;
  };
  const before = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as typeof lock;
  const differing = Object.keys(before.packages).filter(
    (path) => before.packages[path]?.version !== lock.packages[path]?.version,
  );
  assert.ok(
    differing.every((path) => !path.includes("node_modules/")),
    differing.join(),
  );
});

test("what is unreleased becomes the section of the version, once", () => {
  const changelog = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0\n\n- Old.\n";
  const dated = changelogWith(changelog, "0.2.0", "2026-12-01");
  assert.equal(
    dated,
    "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-12-01)\n\n- New.\n\n## 0.1.0\n\n- Old.\n",
  );
  assert.equal(changelogWith(dated, "0.2.0", "2026-12-02"), dated);
});
