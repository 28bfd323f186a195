import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { pluginLimits } from "../plugin-limits.ts";
import { findPlugins, pluginAt, readPluginFolder, skillNameProblem } from "./plugin-folder.ts";

const manifest = JSON.stringify({
  description: "d",
  version: "1.0.0",
  app_compat: ">=0.1.0",
  author: { name: "n" },
  provides: { channels: [], tools: [] },
  subscribes: [],
});

/** A plugin folder with a manifest, which `change` makes another one. */
function folder(t: TestContext, change: (directory: string) => void = () => {}) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-plugin-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "manifest.json"), manifest);
  change(directory);
  return readPluginFolder({ name: "hi" as never, directory, source: "user" });
}

const problem = (words: RegExp) => (error: unknown) => {
  assert.ok(isErrorCode(error, "plugin", "invalid_manifest"), String(error));
  assert.match(error.message, words);
  return true;
};

const skills = (files: Readonly<Record<string, string>>) => (directory: string) => {
  mkdirSync(join(directory, "skills"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, "skills", name), text);
};

test("a folder is read with its skills, and what lies beside them is no skill", async (t) => {
  const read = await folder(t, skills({ "one.md": "# one", "notes.txt": "x", ".hidden.md": "x" }));
  assert.deepEqual(read.skills, [{ file: "one.md", text: "# one" }]);
});

test("the files that a plugin is read from are its own, and plain", async (t) => {
  const asFolder = folder(t, (directory) => {
    rmSync(join(directory, "manifest.json"));
    mkdirSync(join(directory, "manifest.json"));
  });
  await assert.rejects(asFolder, problem(/manifest\.json is not a plain file/));
  const asLink = folder(t, (directory) => {
    writeFileSync(join(directory, "elsewhere.json"), manifest);
    rmSync(join(directory, "manifest.json"));
    symlinkSync("elsewhere.json", join(directory, "manifest.json"));
  });
  await assert.rejects(asLink, problem(/manifest\.json is not a plain file/));
  const skillsFile = folder(t, (directory) => writeFileSync(join(directory, "skills"), ""));
  await assert.rejects(skillsFile, problem(/skills is not a folder/));
  const linkedSkill = folder(t, (directory) => {
    mkdirSync(join(directory, "skills"));
    symlinkSync("/etc/hostname", join(directory, "skills", "host.md"));
  });
  await assert.rejects(linkedSkill, problem(/host\.md is not a plain file/));
});

test("skills are plainly named, not too many and not too large", async (t) => {
  await assert.rejects(folder(t, skills({ "a%2fb.md": "x" })), problem(/encoded path/));
  assert.match(skillNameProblem("/etc/passwd.md") ?? "", /an absolute path/);
  const names = Array.from({ length: pluginLimits.maxSkillsPerPlugin + 1 }, (_, n) => [`${n}.md`, "x"]);
  await assert.rejects(folder(t, skills(Object.fromEntries(names))), problem(/more than 20 skills/));
  const most = "x".repeat(pluginLimits.maxSkillBytes);
  assert.equal((await folder(t, skills({ "most.md": most }))).skills.length, 1);
  await assert.rejects(folder(t, skills({ "more.md": `${most}x` })), problem(/more than 65536 bytes/));
});

test("a folder that holds more than it may is not taken into memory whole", async (t) => {
  const huge = folder(t, (directory) => {
    for (const name of ["a.bin", "b.bin"]) {
      writeFileSync(join(directory, name), "");
      truncateSync(join(directory, name), pluginLimits.maxFolderBytes / 2 + 1);
    }
  });
  await assert.rejects(huge, problem(/more than 20000 files or 268435456 bytes/));
});

test("a file that says to be huge, and takes no room, is not read at all", async (t) => {
  for (const name of ["model.bin", "config.json"]) {
    // More than could be read into one buffer, so that whoever tries is told something else.
    const huge = folder(t, (directory) => {
      writeFileSync(join(directory, name), "");
      truncateSync(join(directory, name), 8 * 1024 ** 3);
    });
    await assert.rejects(huge, problem(/more than 20000 files or 268435456 bytes/), name);
  }
});

test("a manifest is there, is not read where it is too large, and pins what it names", async (t) => {
  const none = folder(t, (directory) => rmSync(join(directory, "manifest.json")));
  await assert.rejects(none, problem(/there is no manifest\.json/));
  // More than a text can hold: whoever takes it into memory first has another error.
  const bytes = 600 * 1024 * 1024;
  const huge = folder(t, (directory) => truncateSync(join(directory, "manifest.json"), bytes));
  await assert.rejects(huge, problem(new RegExp(`manifest\\.json has ${bytes} bytes, more than 65536`)));
  const { digest } = await folder(t, skills({ "one.md": "# one" }));
  const pinned = (text: string) => (directory: string) => {
    skills({ "one.md": text })(directory);
    writeFileSync(join(directory, "manifest.json"), JSON.stringify({ ...JSON.parse(manifest), digest }));
  };
  assert.equal((await folder(t, pinned("# one"))).digest, digest);
  await assert.rejects(folder(t, pinned("# two")), problem(/its digest is sha256:.*, not sha256:/));
});

test("folders that cannot be listed are not taken for none", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "plugins");
  assert.deepEqual(await findPlugins({ user: file }), { found: [], refused: [] });
  writeFileSync(file, "");
  await assert.rejects(findPlugins({ user: file }), { code: "ENOTDIR" });
});

test("a folder anywhere is a plugin under its own name, if that can be one", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of ["fine", "Not fine"]) mkdirSync(join(directory, name));
  assert.equal((await pluginAt(join(directory, "fine"))).name, "fine");
  await assert.rejects(pluginAt(join(directory, "Not fine")), problem(/cannot be that of a plugin/));
  writeFileSync(join(directory, "file"), "");
  for (const name of ["gone", "file"]) {
    await assert.rejects(pluginAt(join(directory, name)), (error) =>
      isErrorCode(error, "plugin", "not_found"),
    );
  }
});
