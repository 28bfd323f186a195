import { lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where agents look for the skills of their user, below their home. */
const places: Readonly<Record<string, string>> = {
  amp: ".config/agents/skills",
  claude: ".claude/skills",
  codex: ".agents/skills",
  copilot: ".copilot/skills",
  cursor: ".cursor/skills",
  gemini: ".gemini/skills",
  opencode: ".config/opencode/skills",
  pi: ".pi/agent/skills",
  qwen: ".qwen/skills",
};

/** Where an agent that is not known by name may look too. */
const common = ".agents/skills";

async function kindOf(path: string): Promise<"nothing" | "folder" | "link" | "other"> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return "nothing";
  if (stat.isSymbolicLink()) return "link";
  return stat.isDirectory() ? "folder" : "other";
}

async function link(target: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === "link" && (await readlink(path)) === target) return;
  if (kind === "folder" || kind === "other") return;
  if (kind === "link") await rm(path);
  await symlink(target, path);
}

/**
 * Leads an agent to the skills of plugins, which lie elsewhere and can only be read: its own folder for
 * skills is a link to them or, where it has one with skills of its own, has a link to each.
 * Runs inside the jail: what an earlier turn left in the home is no danger to anybody else.
 */
export async function placeAgentSkills(home: string, agent: string, skills: string): Promise<void> {
  const folder = join(home, places[agent] ?? common);
  await mkdir(dirname(folder), { recursive: true });
  if ((await kindOf(folder)) !== "folder") return link(skills, folder);
  for (const name of await readdir(skills)) await link(join(skills, name), join(folder, name));
}
