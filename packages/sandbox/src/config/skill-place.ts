import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";
import { markerName, readSkill, type Skill, type SkillLimits, writeSkill } from "./skill-tree.ts";

const running = new Map<string, Promise<unknown>>();

/**
 * Makes `<cwd>/<target>` hold exactly these skills beside those of its user: what we have put there
 * before and is not wanted any more goes, what has changed is replaced, and a skill of the user's own
 * with the same name stays as it is.
 */
export async function placeSkills(
  cwd: string,
  target: string,
  skills: readonly Skill[],
  limits: SkillLimits,
  log: Logger,
): Promise<void> {
  const directory = join(cwd, target);
  const before = running.get(directory) ?? Promise.resolve();
  const mine = before.catch(() => {}).then(() => place(directory, skills, limits, log));
  running.set(directory, mine);
  try {
    await mine;
  } finally {
    if (running.get(directory) === mine) running.delete(directory);
  }
}

async function place(
  directory: string,
  skills: readonly Skill[],
  limits: SkillLimits,
  log: Logger,
): Promise<void> {
  const present = await readdir(directory).catch((): string[] => []);
  if (skills.length === 0 && present.length === 0) return;
  const wanted = new Set(skills.map((skill) => skill.name));
  for (const name of present) {
    if (wanted.has(name) || (await digestOf(join(directory, name))) === undefined) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const skill of skills) {
    const path = join(directory, skill.name);
    const there = present.includes(skill.name);
    const digest = there ? await digestOf(path) : undefined;
    if (there && digest === undefined) {
      log.warn("a skill of that name is there already", { skill: skill.name, path });
      continue;
    }
    const content = await readSkill(skill, limits);
    if (content.digest === digest) continue;
    await mkdir(directory, { recursive: true });
    const temporary = join(directory, `.${skill.name}.${randomBytes(6).toString("hex")}`);
    try {
      await writeSkill(content, temporary);
      // What we put into a project is not the work of anybody who commits there.
      await writeFile(join(temporary, ".gitignore"), "*\n");
      await rm(path, { recursive: true, force: true });
      await rename(temporary, path);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

/** The digest of a skill that we have put there; undefined for anything else. */
async function digestOf(directory: string): Promise<string | undefined> {
  try {
    if (!(await lstat(directory)).isDirectory()) return undefined;
    const marker: unknown = JSON.parse(await readFile(join(directory, markerName), "utf8"));
    const digest = isRecord(marker) ? marker["digest"] : undefined;
    return typeof digest === "string" ? digest : undefined;
  } catch {
    return undefined;
  }
}
