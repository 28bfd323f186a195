import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { linkAgentSkills } from "./agent-skills.ts";

test("an agent's skills folder links to the plugins' skills, beside its own", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "holdfast-agent-skills-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const skills = join(root, "skills");
  mkdirSync(join(skills, "notes"), { recursive: true });
  writeFileSync(join(skills, "notes", "SKILL.md"), "# notes\n");
  const home = join(root, "home");
  const noted = (place: string) => readFileSync(join(home, place, "notes", "SKILL.md"), "utf8");
  for (const agent of ["claude", "codex", "opencode", "claude", "unknown"])
    await linkAgentSkills(home, agent, skills);
  for (const place of [".claude/skills", ".agents/skills", ".config/opencode/skills"])
    assert.equal(noted(place), "# notes\n", place);

  // A link from an earlier turn must not be followed when writing.
  const otherTarget = join(root, "elsewhere");
  mkdirSync(otherTarget);
  rmSync(join(home, ".claude/skills"));
  symlinkSync(otherTarget, join(home, ".claude/skills"));
  await linkAgentSkills(home, "claude", skills);
  assert.equal(readlinkSync(join(home, ".claude/skills")), skills);
  assert.deepEqual(readdirSync(otherTarget), []);

  rmSync(join(home, ".claude/skills"));
  mkdirSync(join(home, ".claude/skills/own"), { recursive: true });
  await linkAgentSkills(home, "claude", skills);
  await linkAgentSkills(home, "claude", skills);
  assert.deepEqual(readdirSync(join(home, ".claude/skills")).sort(), ["notes", "own"]);
  assert.equal(noted(".claude/skills"), "# notes\n");
});
