import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { initProject } from "./command.ts";

function projectWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const project = mkdtempSync(join(tmpdir(), "holdfast-init-"));
  t.after(() => rmSync(project, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(project, name, ".."), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  return project;
}

const read = (project: string, name: string) => readFileSync(join(project, name), "utf8");

test("what is missing is added, and a second time nothing", (t) => {
  const project = projectWith(t, { "package.json": '{\n\t"name": "shop"\n}\n' });
  assert.deepEqual(initProject(project).written, [
    ...["package.json", "src/registry.ts", "AGENTS.md", ".gitignore"],
  ]);
  const manifest = JSON.parse(read(project, "package.json")) as Record<string, unknown>;
  assert.deepEqual(manifest["scripts"], { dev: "holdfast dev src/registry.ts" });
  assert.equal(manifest["type"], "module");
  // The indentation of the project stays.
  assert.match(read(project, "package.json"), /^\t"name"/m);
  assert.match(read(project, "AGENTS.md"), /UserError/);
  assert.match(read(project, "src/registry.ts"), /^import .* from "holdfast";\n[\s\S]*\n {4}count: \(c\) =>/);
  assert.deepEqual(initProject(project).written, []);
});

test("nothing that is there is overwritten", (t) => {
  const manifest = {
    name: "shop",
    type: "commonjs",
    scripts: { dev: "vite" },
    dependencies: { holdfast: "0.0.1" },
  };
  const project = projectWith(t, {
    "package.json": JSON.stringify(manifest),
    "src/registry.ts": "// mine\n",
    "AGENTS.md": "# Rules of the shop\n\nBe kind.\n",
    ".gitignore": "node_modules",
  });
  initProject(project);
  assert.equal(read(project, "src/registry.ts"), "// mine\n");
  assert.deepEqual(JSON.parse(read(project, "package.json")), {
    ...manifest,
    scripts: { dev: "vite", holdfast: "holdfast dev src/registry.ts" },
  });
  assert.match(read(project, "AGENTS.md"), /^# Rules of the shop\n\nBe kind\.\n\n## Holdfast\n/);
  assert.equal(read(project, ".gitignore"), "node_modules\n.holdfast\n");
  const once = read(project, "AGENTS.md");
  initProject(project);
  assert.equal(read(project, "AGENTS.md"), once);
});

test("a folder without a project, and a broken package.json, are refused and stay as they are", (t) => {
  assert.throws(() => initProject(projectWith(t, {})), { group: "init", code: "no_project" });
  const broken = projectWith(t, { "package.json": '{ "name": ' });
  assert.throws(() => initProject(broken), {
    code: "invalid_manifest",
    message: /package\.json is not JSON/,
  });
  assert.throws(() => read(broken, "src/registry.ts"), { code: "ENOENT" });
});
