import { constants } from "node:fs";
import { access, open, realpath, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { Mounts } from "../internal/mounts/mounts.ts";
import type { AgentRow } from "./row.ts";

/** How an installed agent is started. */
export interface AgentLocation {
  /** Absolute path that was found: the launcher, the executable or the entry. */
  readonly path: string;
  /** Program to spawn; this Node for JavaScript entries, so that no `node` in PATH is needed. */
  readonly program: string;
  /** Arguments in front of the row's own. */
  readonly leading: readonly string[];
  /** Where it is from: part of this package, the agents directory, or a place of its user. */
  readonly source: "builtin" | "registry" | "local_path";
  /** Directory whose executables the agent may need itself, to be put into its PATH. */
  readonly binDirectory?: string;
}

export interface FindOptions {
  /** Directory of `installAgent`. */
  readonly agentsDirectory?: string;
  /** HOME in which the launcher override of the peer's test agents is honoured. */
  readonly home?: string;
  /** `XDG_DATA_HOME` of agents, where such a launcher may be in place of `<home>/.local/share`. */
  readonly dataHome?: string;
  /** PATH to search, as one string. */
  readonly path?: string;
  /** By which places are left out that lie on a mount that does not answer. */
  readonly mounts?: Mounts;
}

/**
 * Finds an installed agent: the launcher override first, then the row's entry, the agents
 * directory and PATH. Resolves to undefined when it is not installed.
 */
export async function findAgent(row: AgentRow, options: FindOptions): Promise<AgentLocation | undefined> {
  const isExecutable = (path: string) => isExecutableFile(path, options.mounts);
  for (const directory of launcherDirectories(options)) {
    const launcher = join(directory, `${row.id}-acp`);
    if (await isExecutable(launcher)) {
      return { path: launcher, program: launcher, leading: [], source: "local_path" };
    }
  }
  if (row.entry !== undefined) {
    return (await isFile(row.entry))
      ? { path: row.entry, program: process.execPath, leading: [row.entry], source: "builtin" }
      : undefined;
  }
  if (isAbsolute(row.command)) {
    return (await isExecutable(row.command)) ? await locate(row.command) : undefined;
  }
  if (options.agentsDirectory !== undefined) {
    const binDirectory = join(options.agentsDirectory, row.id, "node_modules", ".bin");
    const path = join(binDirectory, row.command);
    if (await isExecutable(path)) return { ...(await locate(path)), source: "registry", binDirectory };
  }
  for (const directory of (options.path ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = join(directory, row.command);
    if (await isExecutable(path)) return await locate(path);
  }
  return undefined;
}

/**
 * A PATH without the folders of packages that npm puts on it, those of the project in which it runs: an agent
 * in them is not the person's.
 */
export function personalPath(path: string | undefined): string {
  const isProjects = (directory: string) => directory.endsWith(join("node_modules", ".bin"));
  return (path ?? "")
    .split(delimiter)
    .filter((directory) => !isProjects(directory))
    .join(delimiter);
}

/** The XDG rule has a relative directory be ignored. */
function launcherDirectories({ home, dataHome }: FindOptions): string[] {
  const bases: string[] = [];
  if (dataHome !== undefined && isAbsolute(dataHome)) bases.push(dataHome);
  if (home !== undefined) bases.push(join(home, ".local/share"));
  return bases.map((base) => join(base, "sandbox-agent/bin/agent_processes"));
}

/** A script for `env node` is started with this Node: it need not be in PATH, nor be new enough there. */
async function locate(path: string): Promise<AgentLocation> {
  const target = await realpath(path);
  const file = await open(target, "r");
  try {
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const line = head.toString("latin1", 0, bytesRead).split("\n", 1)[0] ?? "";
    if (/^#!.*\bnode\s*$/.test(line)) {
      return { path, program: process.execPath, leading: [target], source: "local_path" };
    }
  } finally {
    await file.close();
  }
  return { path, program: path, leading: [], source: "local_path" };
}

async function isExecutableFile(path: string, mounts: Mounts | undefined): Promise<boolean> {
  try {
    await mounts?.reach([path]);
    await access(path, constants.X_OK);
  } catch {
    return false;
  }
  return await isFile(path);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
