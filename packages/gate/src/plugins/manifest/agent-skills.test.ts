import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { agentSkill, writeAgentSkills } from "./agent-skills.ts";
import { parseManifest } from "./manifest.ts";
import { pluginName } from "./names.ts";
import type { PluginFolder } from "./plugin-folder.ts";

function plugin(name: string, skills: Readonly<Record<string, string>>): PluginFolder {
  const manifest = parseManifest(
    JSON.stringify({
      ...{ description: 'Says: "hello"\nto all', version: "1.0.0", app_compat: "*" },
      ...{ author: { name: "Test" }, provides: { channels: [], tools: [] }, subscribes: [] },
    }),
  );
  return {
    ...{ name: pluginName(name), directory: "/", source: "user", manifest, config: {} },
    ...{ digest: "", fingerprint: "", identity: "" },
    skills: Object.entries(skills).map(([file, text]) => ({ file, text })),
  };
}

test("a skill has the head by which agents find it", () => {
  const of = (file: string, text: string) => agentSkill(plugin("my_notes", {}), { file, text });
  const about = '"Says: \\"hello\\" to all"';
  assert.deepEqual(of("my_notes.md", "# Notes\n"), {
    name: "my-notes",
    text: `---\nname: my-notes\ndescription: ${about}\n---\n\n# Notes\n`,
  });
  assert.equal(of("Weekly Report.md", "x").name, "my-notes-weekly-report");
  assert.equal(of(`${"a".repeat(90)}.md`, "x").name.length, 64);
  const own = of(
    "my-notes.md",
    "---\nname: evil/../x\ndescription: 'Mine: yes'\nallowed-tools: Bash\n---\ntext",
  );
  assert.equal(own.text, '---\nname: my-notes\ndescription: "Mine: yes"\n---\n\ntext');
  assert.match(of("a.md", "---\ndescription: |\n  more\n---\ntext").text, /description: "Says/);
});

test("the folder has what the plugins have, and nothing else", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-skills-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  await writeAgentSkills(directory, [
    plugin("a", { "a.md": "one", "b.md": "two" }),
    plugin("a-b", { "a-b.md": "three" }),
  ]);
  assert.deepEqual(readdirSync(directory), ["a", "a-b"]);
  assert.match(readFileSync(join(directory, "a-b", "SKILL.md"), "utf8"), /two$/);
  await writeAgentSkills(directory, [plugin("a", { "a.md": "changed" })]);
  assert.deepEqual(readdirSync(directory), ["a"]);
  assert.match(readFileSync(join(directory, "a", "SKILL.md"), "utf8"), /changed$/);
});
