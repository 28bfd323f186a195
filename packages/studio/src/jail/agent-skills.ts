import { lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Folders below the home in which agents look for their user's skills. */
const skillFolders: Readonly<Record<string, string>> = {
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

/** Folder for all other agents; several of them share it. */
const defaultSkillFolder = ".agents/skills";

async function kindOf(path: string): Promise<"nothing" | "folder" | "link" | "other"> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return "nothing";
  if (stat.isSymbolicLink()) return "link";
  return stat.isDirectory() ? "folder" : "other";
}

async function createLink(target: string, path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === "link" && (await readlink(path)) === target) return;
  if (kind === "folder" || kind === "other") return;
  if (kind === "link") await rm(path);
  await symlink(target, path);
}

/**
 * Gives an agent the plugins' skills, which are mounted read-only elsewhere: makes its skills folder a link to them,
 * or links each one if the folder already has skills of its own. Runs inside the jail, so that links that an earlier
 * turn left in the home endanger nothing else.
 */
export async function linkAgentSkills(home: string, agent: string, skills: string): Promise<void> {
  const folder = join(home, skillFolders[agent] ?? defaultSkillFolder);
  await mkdir(dirname(folder), { recursive: true });
  if ((await kindOf(folder)) !== "folder") return createLink(skills, folder);
  for (const name of await readdir(skills)) await createLink(join(skills, name), join(folder, name));
}
