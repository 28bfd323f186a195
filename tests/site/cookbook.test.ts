/** Each recipe of the cookbook runs, and prints what its comments say. They share this process, and run one by one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { format } from "node:util";
import { codeBlocksOf, expectedOutput } from "../../tools/site/code-blocks.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cookbook = join(root, "docs", "cookbook");
// Below the repository, since recipes import its packages by name.
const modules = join(root, ".cache", "cookbook");
const data = mkdtempSync(join(tmpdir(), "cookbook-"));
// Recipes show how calls fail, and their agent need not look like a slow one.
const environment = { HOLDFAST_LOG_LEVEL: "silent", HOLDFAST_DEMO_PACE_MS: "1" };
const missingJails = spawnSync("bwrap", ["--version"]).error !== undefined && "needs bwrap";
let recipes = 0;

before(() => {
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(modules, { recursive: true });
  Object.assign(process.env, environment);
});
after(() => {
  process.chdir(root);
  for (const name of Object.keys(environment)) delete process.env[name];
  rmSync(data, { recursive: true, force: true });
  assert.ok(recipes >= 30, `${recipes} recipes`);
});

for (const page of readdirSync(cookbook)) {
  const text = readFileSync(join(cookbook, page), "utf8");
  describe(page, () => {
    for (const { code, heading, line } of codeBlocksOf(page, text)) {
      recipes += 1;
      const skip = code.includes('"@holdfast/gate"') && missingJails;
      test(heading, { skip }, async (t) => {
        const expected = expectedOutput(code);
        assert.notEqual(expected.length, 0, `${page}:${line} does not say what it prints`);
        const [, section = ""] = text.split(`\n## ${heading}\n`);
        assert.match(section.split("\n## ")[0] ?? "", /\*\*How it fails\.\*\*[\s\S]*\]\(/);
        const file = join(modules, `${page.replace(".md", "")}-${line}.ts`);
        writeFileSync(file, code);
        // With the data directory of its own that a program has in its folder.
        const folder = join(data, `${page}-${line}`);
        mkdirSync(folder);
        process.chdir(folder);
        const printed: string[] = [];
        t.mock.method(console, "log", (...values: unknown[]) =>
          printed.push(...format(...values).split("\n")),
        );
        await import(pathToFileURL(file).href);
        assert.deepEqual(printed, expected);
      });
    }
  });
}
