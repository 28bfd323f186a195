import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PluginFolder, Skill } from "./plugin-folder.ts";

/** Skill name in the format of agents: lower-case letters, digits and single dashes, at most 64 characters. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 64)
    .replaceAll(/^-+|-+$/g, "");
}

const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---\r?\n/;

/** Description in the file's front matter, if it is one line. */
function ownDescription(text: string): string | undefined {
  const line = /^description:[ \t]*(\S.*)$/m.exec(frontMatter.exec(text)?.[1] ?? "")?.[1]?.trim();
  return line === undefined || /^[|>]/.test(line) ? undefined : line.replace(/^(["'])(.*)\1$/, "$2");
}

/** `SKILL.md` of one skill. Agents find it by the name and description in its front matter. */
export function agentSkill({ name: plugin, manifest }: PluginFolder, { file, text }: Skill) {
  const stem = file.replace(/\.md$/i, "");
  const name = slug(slug(stem) === slug(plugin) || stem === "SKILL" ? plugin : `${plugin}-${stem}`);
  const tools = manifest.provides.tools.map((tool) => tool.name).join(", ");
  const about = ownDescription(text) ?? `${manifest.description}${tools === "" ? "" : ` (tools: ${tools})`}`;
  const description = about.replaceAll(/\s+/g, " ").slice(0, 1_000);
  // A JSON string is a valid YAML string.
  const head = `---\nname: ${name}\ndescription: ${JSON.stringify(description)}\n---\n`;
  return { name, text: `${head}\n${text.replace(frontMatter, "").trimStart()}` };
}

/**
 * Writes the skills of all plugins to one folder in the layout of agents: `NAME/SKILL.md`. The folder is mounted into
 * jails, so it stays, and files are replaced atomically.
 */
export async function writeAgentSkills(directory: string, plugins: readonly PluginFolder[]): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const wanted = new Map<string, string>();
  for (const plugin of plugins) {
    for (const skill of plugin.skills) {
      const { name, text } = agentSkill(plugin, skill);
      if (name !== "" && !wanted.has(name)) wanted.set(name, text);
    }
  }
  for (const [name, text] of wanted) {
    await mkdir(join(directory, name), { recursive: true, mode: 0o755 });
    const temporary = join(directory, `.${randomBytes(6).toString("hex")}.tmp`);
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, join(directory, name, "SKILL.md"));
  }
  for (const entry of await readdir(directory)) {
    if (!wanted.has(entry)) await rm(join(directory, entry), { recursive: true, force: true });
  }
}
