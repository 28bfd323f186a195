import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";
import { markerName, readSkill, type Skill, type SkillLimits, writeSkill } from "./skill-tree.ts";

const pendingSyncs = new Map<string, Promise<unknown>>();

/**
 * Synchronizes `<cwd>/<target>` with these skills. Removes skills that an earlier call installed and that are no
 * longer configured, and replaces changed ones. The user's own skills stay untouched, even under the same name.
 */
export async function syncSkills(
  cwd: string,
  target: string,
  skills: readonly Skill[],
  limits: SkillLimits,
  log: Logger,
): Promise<void> {
  const directory = join(cwd, target);
  const previous = pendingSyncs.get(directory) ?? Promise.resolve();
  const current = previous.catch(() => {}).then(() => sync(directory, skills, limits, log));
  pendingSyncs.set(directory, current);
  try {
    await current;
  } finally {
    if (pendingSyncs.get(directory) === current) pendingSyncs.delete(directory);
  }
}

async function sync(
  directory: string,
  skills: readonly Skill[],
  limits: SkillLimits,
  log: Logger,
): Promise<void> {
  const present = await readdir(directory).catch((): string[] => []);
  if (skills.length === 0 && present.length === 0) return;
  const configured = new Set(skills.map((skill) => skill.name));
  for (const name of present) {
    if (configured.has(name) || (await installedDigest(join(directory, name))) === undefined) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const skill of skills) {
    const path = join(directory, skill.name);
    const exists = present.includes(skill.name);
    const digest = exists ? await installedDigest(path) : undefined;
    if (exists && digest === undefined) {
      log.warn("the user already has a skill of this name; keeping it", { skill: skill.name, path });
      continue;
    }
    const content = await readSkill(skill, limits);
    if (content.digest === digest) continue;
    await mkdir(directory, { recursive: true });
    const temporary = join(directory, `.${skill.name}.${randomBytes(6).toString("hex")}`);
    try {
      await writeSkill(content, temporary);
      // Keep installed skills out of the project's commits.
      await writeFile(join(temporary, ".gitignore"), "*\n");
      await rm(path, { recursive: true, force: true });
      await rename(temporary, path);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

/** Returns the digest of an installed skill; undefined for anything that we did not install. */
async function installedDigest(directory: string): Promise<string | undefined> {
  try {
    if (!(await lstat(directory)).isDirectory()) return undefined;
    const marker: unknown = JSON.parse(await readFile(join(directory, markerName), "utf8"));
    const digest = isRecord(marker) ? marker["digest"] : undefined;
    return typeof digest === "string" ? digest : undefined;
  } catch {
    return undefined;
  }
}
