import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PluginFolder } from "./plugin-folder.ts";

/**
 * Writes the skills of all plugins to one folder as `{plugin}-{file}.md`. The folder is mounted into jails, so it
 * stays, and files are replaced atomically.
 */
export async function writeSkills(directory: string, plugins: readonly PluginFolder[]): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const wanted = new Map<string, string>();
  for (const { name, skills } of plugins) {
    for (const { file, text } of skills) {
      // "a" with "b-c.md" and "a-b" with "c.md" have the same name. As with tools, the first wins.
      if (!wanted.has(`${name}-${file}`)) wanted.set(`${name}-${file}`, text);
    }
  }
  for (const [file, text] of wanted) {
    const temporary = join(directory, `.${randomBytes(6).toString("hex")}.tmp`);
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, join(directory, file));
  }
  for (const file of await readdir(directory)) {
    if (!wanted.has(file)) await rm(join(directory, file), { recursive: true, force: true });
  }
}
