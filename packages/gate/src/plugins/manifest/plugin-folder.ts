import { createHash } from "node:crypto";
import { lstat, readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { pluginLimits } from "../plugin-limits.ts";
import type { PluginManifest } from "../runtime/api.ts";
import { checkConfig, invalidManifest, parseManifest } from "./manifest.ts";
import { isPluginName, type PluginName, pluginNameRule, reservedPluginNames } from "./names.ts";

export type PluginSource = "built-in" | "user";

/** A folder that may be a plugin: nothing in it has been read yet. */
export interface FoundPlugin {
  readonly name: PluginName;
  readonly directory: string;
  readonly source: PluginSource;
}

/** A folder whose name cannot be that of a plugin. */
export interface RefusedFolder {
  readonly name: string;
  readonly source: PluginSource;
  readonly problem: string;
}

export interface Skill {
  /** Plain file name, ending in ".md". */
  readonly file: string;
  readonly text: string;
}

/** A plugin as its folder says it, checked. */
export interface PluginFolder extends FoundPlugin {
  readonly manifest: PluginManifest;
  readonly skills: readonly Skill[];
  readonly config: Readonly<Record<string, unknown>>;
  /** `sha256:...` of every file but the manifest and the configuration. */
  readonly digest: string;
  /** Changes with any file of the folder. */
  readonly fingerprint: string;
  /** Hash of everything that decides what the plugin does: its files, and its configuration or the operator's. */
  readonly identity: string;
}

async function foldersIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith(".")).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** True for what can be read as a file there, through a link too: an operator may link a plugin folder. */
async function hasManifest(directory: string): Promise<boolean> {
  try {
    return (await lstat(join(await realpath(directory), "manifest.json"))).isFile();
  } catch {
    return false;
  }
}

export interface PluginDirectories {
  readonly builtIn?: string;
  readonly user: string;
}

/** Every folder with a manifest. One of a user takes the place of a built-in one, unless that is reserved. */
export async function findPlugins(
  directories: PluginDirectories,
): Promise<{ found: FoundPlugin[]; refused: RefusedFolder[] }> {
  const found = new Map<string, FoundPlugin>();
  const refused: RefusedFolder[] = [];
  const sources = [
    ...(directories.builtIn === undefined ? [] : [["built-in", directories.builtIn] as const]),
    ["user", directories.user] as const,
  ];
  for (const [source, base] of sources) {
    for (const name of await foldersIn(base)) {
      if (!(await hasManifest(join(base, name)))) continue;
      if (!isPluginName(name)) {
        refused.push({
          name,
          source,
          problem: `The folder's name cannot be that of a plugin: ${pluginNameRule}`,
        });
      } else if (source === "user" && reservedPluginNames.has(name)) {
        refused.push({ name, source, problem: `The name "${name}" is reserved: rename the folder` });
      } else if (found.size >= pluginLimits.maxPlugins && !found.has(name)) {
        refused.push({ name, source, problem: `More than ${pluginLimits.maxPlugins} plugins` });
      } else {
        found.set(name, { name, source, directory: await realpath(join(base, name)) });
      }
    }
  }
  return { found: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), refused };
}

interface FolderFile {
  readonly path: string;
  readonly hash: string;
}

const ignored = new Set([".git", ".DS_Store"]);

/** Every regular file below, by relative path. A link is hashed by where it leads. */
async function hashFiles(directory: string): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  let bytes = 0;
  const walk = async (relative: string): Promise<void> => {
    const entries = await readdir(join(directory, relative), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (ignored.has(entry.name)) continue;
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const full = join(directory, path);
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      if (!entry.isFile() && !entry.isSymbolicLink()) continue;
      const target = entry.isFile() ? undefined : await realpath(full).catch(() => "");
      // Before it is read: a huge one, which may take no room on the disk, must not be taken into memory.
      bytes += target?.length ?? (await lstat(full)).size;
      if (files.length >= pluginLimits.maxFolderFiles || bytes > pluginLimits.maxFolderBytes) {
        throw invalidManifest([
          `the folder has more than ${pluginLimits.maxFolderFiles} files or ${pluginLimits.maxFolderBytes} bytes`,
        ]);
      }
      const content = target ?? (await readFile(full));
      files.push({ path, hash: createHash("sha256").update(content).digest("hex") });
    }
  };
  await walk("");
  return files;
}

function hashOf(files: readonly FolderFile[]): string {
  const hash = createHash("sha256");
  for (const { path, hash: each } of files) hash.update(`${path}\0${each}\n`);
  return hash.digest("hex");
}

/** A text file of the folder itself, never through a link, or undefined when there is none. */
async function readOwn(path: string): Promise<string | undefined> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw invalidManifest([`${path.slice(path.lastIndexOf("/") + 1)} is not a plain file`]);
  return readFile(path, "utf8");
}

/** Why a skill's file name is refused, or undefined. */
export function skillNameProblem(file: string): string | undefined {
  if (file.startsWith("/")) return `the skill ${JSON.stringify(file)} has an absolute path`;
  if (/%2e|%2f|%5c|%00/i.test(file)) return `the skill ${JSON.stringify(file)} has an encoded path`;
  if (/[/\\\0]/.test(file) || file.includes(".."))
    return `the skill ${JSON.stringify(file)} leaves its folder`;
  // Control and invisible characters, and those that do not go into a listing as they are.
  if (!/^(?!\.)[^\p{C}\p{Zl}\p{Zp}]{1,100}\.md$/iu.test(file)) {
    return `the skill ${JSON.stringify(file)} is not plainly named`;
  }
  return undefined;
}

async function readSkills(directory: string): Promise<Skill[]> {
  const folder = join(directory, "skills");
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined) return [];
  if (!stat.isDirectory()) throw invalidManifest(["skills is not a folder"]);
  // Files that begin with a dot are an editor's or a file system's, and no skills.
  const files = (await readdir(folder)).filter((file) => /^[^.].*\.md$/is.test(file)).sort();
  const problems = files.flatMap((file) => skillNameProblem(file) ?? []);
  if (files.length > pluginLimits.maxSkillsPerPlugin)
    problems.push(`it has more than ${pluginLimits.maxSkillsPerPlugin} skills`);
  if (problems.length > 0) throw invalidManifest(problems);
  const skills: Skill[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const { size } = await lstat(path);
    if (size > pluginLimits.maxSkillBytes) {
      throw invalidManifest([`the skill ${file} has more than ${pluginLimits.maxSkillBytes} bytes`]);
    }
    // A link would put a file of the host into every jail.
    skills.push({ file, text: (await readOwn(path)) ?? "" });
  }
  return skills;
}

/** The digest that a manifest may pin: of every file of the folder but the manifest and config.json. */
function digestOf(files: readonly FolderFile[]): string {
  return `sha256:${hashOf(files.filter(({ path }) => path !== "manifest.json" && path !== "config.json"))}`;
}

/** Hash of everything in the folder: what changes it may change the plugin. */
export async function fingerprintOf(directory: string): Promise<string> {
  return hashOf(await hashFiles(directory));
}

/**
 * Reads and checks a plugin folder; nothing of it is run.
 * Throws `plugin.invalid_manifest`, `plugin.invalid_config`.
 */
export async function readPluginFolder(found: FoundPlugin, operatorConfig?: string): Promise<PluginFolder> {
  const { directory } = found;
  const stat = await lstat(join(directory, "manifest.json")).catch(() => undefined);
  if (stat === undefined) throw invalidManifest(["there is no manifest.json"]);
  // Before it is read: a huge one must not be taken into memory.
  if (stat.size > pluginLimits.maxManifestBytes) {
    throw invalidManifest([
      `manifest.json has ${stat.size} bytes, more than ${pluginLimits.maxManifestBytes}`,
    ]);
  }
  const raw = await readOwn(join(directory, "manifest.json"));
  const manifest = parseManifest(raw ?? "", { isBuiltIn: found.source === "built-in" });
  const skills = await readSkills(directory);
  // First, since it says that no file is too large to be read.
  const files = await hashFiles(directory);
  const config = checkConfig(manifest, operatorConfig ?? (await readOwn(join(directory, "config.json"))));
  const digest = digestOf(files);
  if (manifest.digest !== undefined && manifest.digest !== digest) {
    throw invalidManifest([`its digest is ${digest}, not ${manifest.digest}`]);
  }
  const fingerprint = hashOf(files);
  const identity = createHash("sha256").update(fingerprint).update(JSON.stringify(config)).digest("hex");
  return { ...found, manifest, skills, config, digest, fingerprint, identity };
}

/** Whether the folder holds what it held when it was checked. */
export async function isUnchanged({ directory, fingerprint }: PluginFolder): Promise<boolean> {
  return (await fingerprintOf(directory)) === fingerprint;
}

/** A folder anywhere, as a plugin under its own name. Throws `plugin.not_found`, `plugin.invalid_name`. */
export async function pluginAt(directory: string): Promise<FoundPlugin> {
  const path = await realpath(directory).catch(() => undefined);
  if (path === undefined) {
    throw new HoldfastError("plugin", "not_found", `There is no folder ${directory}`, { statusCode: 404 });
  }
  if (!(await lstat(path)).isDirectory()) {
    const problem = `${directory} is not a folder: a plugin is named by the one that its manifest.json is in`;
    throw new HoldfastError("plugin", "not_found", problem, { statusCode: 404 });
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!isPluginName(name))
    throw invalidManifest([`the folder's name "${name}" cannot be that of a plugin: ${pluginNameRule}`]);
  return { name, directory: path, source: "user" };
}
