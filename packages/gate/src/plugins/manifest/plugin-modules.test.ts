import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { pluginName } from "./names.ts";
import { type PluginSource, readPluginFolder } from "./plugin-folder.ts";
import { modulesOf } from "./plugin-modules.ts";

const manifest = {
  description: "d",
  version: "1.0.0",
  app_compat: ">=0.1.0",
  author: { name: "n" },
  provides: { channels: [], tools: [] },
  subscribes: [],
};

/** A plugin that needs the packages of `needs`, with the given packages (path to what they need) beside it. */
async function folder(
  t: TestContext,
  needs: readonly string[],
  packages: Readonly<Record<string, readonly string[]>>,
  source: PluginSource = "built-in",
) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-modules-")));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const write = (path: string, content: unknown) => {
    mkdirSync(join(base, path, ".."), { recursive: true });
    writeFileSync(join(base, path), JSON.stringify(content));
  };
  const needing = (names: readonly string[]) => ({
    dependencies: Object.fromEntries(names.map((name) => [name, "1"])),
  });
  write("one/manifest.json", manifest);
  write("one/package.json", needing(needs));
  for (const [path, names] of Object.entries(packages)) write(`${path}/package.json`, needing(names));
  const directory = join(base, "one");
  return { base, folder: await readPluginFolder({ name: pluginName("one"), directory, source }) };
}

const isMissing = (words: RegExp) => (error: unknown) =>
  isErrorCode(error, "plugin", "missing_dependency") && words.test(error.message);

test("a plugin has the packages that it names, and those that they need", async (t) => {
  const { base, folder: one } = await folder(t, ["a"], {
    "node_modules/a": ["b", "c"],
    "node_modules/b": [],
    "node_modules/a/node_modules/c": [],
    "node_modules/other": [],
  });
  assert.deepEqual(modulesOf(one), [
    { name: "a", directory: join(base, "node_modules/a") },
    { name: "b", directory: join(base, "node_modules/b") },
  ]);
});

test("one of a user brings its own", async (t) => {
  const { folder: one } = await folder(t, ["gone"], {}, "user");
  assert.deepEqual(modulesOf(one), []);
});

test("a package that is not installed, or is wanted in two versions, is told", async (t) => {
  const { folder: without } = await folder(t, ["gone"], {});
  assert.throws(() => modulesOf(without), isMissing(/gone of one is not installed/));
  const { folder: clashing } = await folder(t, ["a", "b"], {
    "node_modules/a": [],
    "one/node_modules/b": ["a"],
    "one/node_modules/a": [],
  });
  // The plugin itself finds the nearer one, and so does what lies beside it.
  assert.equal(modulesOf(clashing).length, 2);
  const { folder: twice } = await folder(t, ["a", "b"], {
    "one/node_modules/a": [],
    "node_modules/a": [],
    "node_modules/b": ["a"],
  });
  assert.throws(() => modulesOf(twice), isMissing(/a of one is wanted in two versions/));
});
