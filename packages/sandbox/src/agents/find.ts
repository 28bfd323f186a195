import { constants } from "node:fs";
import { access, open, realpath, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { Mounts } from "../internal/mounts/mounts.ts";
import type { AgentRow } from "./row.ts";

/** Location of an installed agent, and how to start it. */
export interface AgentLocation {
  /** Absolute path of the launcher, executable or entry. */
  readonly path: string;
  /** Program to spawn. JavaScript entries run with this Node, so that PATH needs no `node`. */
  readonly program: string;
  /** Arguments before the row's own. */
  readonly leadingArgs: readonly string[];
  /** Part of this package, installed in the agents directory, or installed by the user. */
  readonly source: "builtin" | "registry" | "local_path";
  /** Directory of executables that the agent itself may start. Goes into its PATH. */
  readonly binDirectory?: string;
}

/** Where to search for an agent. */
export interface FindOptions {
  /** The directory that `installAgent` installs to. */
  readonly agentsDirectory?: string;
  /** Home directory that is searched for the launcher overrides of the peer's test agents. */
  readonly home?: string;
  /** `XDG_DATA_HOME` of agents, searched for launcher overrides before `<home>/.local/share`. */
  readonly dataHome?: string;
  /** PATH to search, with the platform's delimiter. */
  readonly path?: string;
  /** Skips paths on mounts that do not respond. */
  readonly mounts?: Mounts;
}

/**
 * Finds an installed agent: a launcher override first, then the row's entry, the agents directory and PATH. Returns
 * undefined when the agent is not installed.
 */
export async function findAgent(row: AgentRow, options: FindOptions): Promise<AgentLocation | undefined> {
  const isExecutable = (path: string) => isExecutableFile(path, options.mounts);
  for (const directory of launcherDirectories(options)) {
    const launcher = join(directory, `${row.id}-acp`);
    if (await isExecutable(launcher)) {
      return { path: launcher, program: launcher, leadingArgs: [], source: "local_path" };
    }
  }
  if (row.entry !== undefined) {
    return (await isFile(row.entry))
      ? { path: row.entry, program: process.execPath, leadingArgs: [row.entry], source: "builtin" }
      : undefined;
  }
  if (isAbsolute(row.command)) {
    return (await isExecutable(row.command)) ? await toLocation(row.command) : undefined;
  }
  if (options.agentsDirectory !== undefined) {
    const binDirectory = join(options.agentsDirectory, row.id, "node_modules", ".bin");
    const path = join(binDirectory, row.command);
    if (await isExecutable(path)) return { ...(await toLocation(path)), source: "registry", binDirectory };
  }
  for (const directory of (options.path ?? "").split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const path = join(directory, row.command);
    if (await isExecutable(path)) return await toLocation(path);
  }
  return undefined;
}

/**
 * Removes the `node_modules/.bin` directories that npm adds to PATH. An agent in them belongs to the project, not to
 * the user.
 */
export function withoutNodeModulesBins(path: string | undefined): string {
  const isNodeModulesBin = (directory: string) => directory.endsWith(join("node_modules", ".bin"));
  return (path ?? "")
    .split(delimiter)
    .filter((directory) => !isNodeModulesBin(directory))
    .join(delimiter);
}

/** As XDG requires, a relative data directory is ignored. */
function launcherDirectories({ home, dataHome }: FindOptions): string[] {
  const bases: string[] = [];
  if (dataHome !== undefined && isAbsolute(dataHome)) bases.push(dataHome);
  if (home !== undefined) bases.push(join(home, ".local/share"));
  return bases.map((base) => join(base, "sandbox-agent/bin/agent_processes"));
}

/** Runs an `env node` script with this Node, because the one in PATH may be missing or too old. */
async function toLocation(path: string): Promise<AgentLocation> {
  const target = await realpath(path);
  const file = await open(target, "r");
  try {
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const line = head.toString("latin1", 0, bytesRead).split("\n", 1)[0] ?? "";
    if (/^#!.*\bnode\s*$/.test(line)) {
      return { path, program: process.execPath, leadingArgs: [target], source: "local_path" };
    }
  } finally {
    await file.close();
  }
  return { path, program: path, leadingArgs: [], source: "local_path" };
}

async function isExecutableFile(path: string, mounts: Mounts | undefined): Promise<boolean> {
  try {
    await mounts?.checkResponsive([path]);
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
