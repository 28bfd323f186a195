import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { invalid } from "../http/problem.ts";
import type { SandboxLimits } from "../limits.ts";
import type { SkillSource } from "./skill-source.ts";

/** A directory with a SKILL.md. */
export interface Skill {
  readonly name: string;
  readonly directory: string;
}

/** Size limits of a skill, which is copied whenever it changes. */
export type SkillLimits = Pick<SandboxLimits, "maxSkillFiles" | "maxSkillBytes">;

const skillName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Finds the skills of a source: `place` itself, else those in `skills/` and in direct subdirectories. Throws
 * `sandbox.invalid_request` when a requested skill is missing or there is none.
 */
export async function findSkills(directory: string, source: SkillSource): Promise<readonly Skill[]> {
  const base = resolveSubpath(directory, source.subpath);
  const found = new Map<string, Skill>();
  const add = async (directory: string) => {
    const name = basename(directory);
    if (found.has(name) || !skillName.test(name) || !(await isFile(join(directory, "SKILL.md")))) return;
    found.set(name, { name, directory });
  };
  await add(base);
  for (const parent of found.size > 0 ? [] : [join(base, "skills"), base]) {
    const names = (await readdir(parent).catch(() => [])).sort();
    for (const name of names) await add(join(parent, name));
  }
  if (found.size === 0) throw invalid(`there is no SKILL.md in ${source.source}`);
  if (source.skills === undefined) return [...found.values()];
  return source.skills.map((name) => {
    const skill = found.get(name);
    if (skill) return skill;
    throw invalid(`${source.source} has no skill "${name}". Available: ${[...found.keys()].join(", ")}`);
  });
}

function resolveSubpath(root: string, subpath: string | undefined): string {
  if (subpath === undefined) return root;
  const parts = subpath.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw invalid(`the subpath "${subpath}" leads out of its source`);
  return join(root, ...parts);
}

async function isFile(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stat) => stat.isFile(),
    () => false,
  );
}

/** Content of a skill: regular files with path and mode. Symbolic links are skipped. */
export interface SkillContent {
  readonly digest: string;
  readonly files: readonly { readonly path: string; readonly content: Buffer; readonly mode: number }[];
}

/** Reads a skill. Throws `sandbox.invalid_request` for one that exceeds the limits. */
export async function readSkill(skill: Skill, limits: SkillLimits): Promise<SkillContent> {
  const { maxSkillFiles, maxSkillBytes } = limits;
  const files: SkillContent["files"][number][] = [];
  const hash = createHash("sha256");
  let bytes = 0;
  const walk = async (relative: string): Promise<void> => {
    const names = (await readdir(join(skill.directory, relative))).sort();
    for (const name of names) {
      if (name === ".git" || name === markerName) continue;
      const path = join(relative, name);
      const absolute = join(skill.directory, path);
      // Skip links: they could expose files outside the source.
      const stat = await lstat(absolute);
      if (stat.isDirectory()) await walk(path);
      if (!stat.isFile()) continue;
      bytes += stat.size;
      if (files.length >= maxSkillFiles || bytes > maxSkillBytes) {
        throw invalid(`the skill "${skill.name}" exceeds ${maxSkillFiles} files or ${maxSkillBytes} bytes`);
      }
      const content = await readFile(absolute);
      const mode = stat.mode & 0o100 ? 0o755 : 0o644;
      files.push({ path, content, mode });
      hash.update(`${path}\0${mode}\0${content.length}\0`).update(content);
    }
  };
  await walk("");
  return { digest: hash.digest("hex"), files };
}

/** Marker file of an installed skill. Holds the digest of its content. */
export const markerName = ".holdfast-skill.json";

/** Writes a skill into a new directory. The marker comes last, so an incomplete copy has none. */
export async function writeSkill(content: SkillContent, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const { path, content: bytes, mode } of content.files) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), bytes, { mode });
  }
  await writeFile(join(directory, markerName), `${JSON.stringify({ version: 1, digest: content.digest })}\n`);
}
