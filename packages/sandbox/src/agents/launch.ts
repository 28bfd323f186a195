import { randomBytes } from "node:crypto";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, normalize, sep } from "node:path";
import { problem } from "../http/problem.ts";
import type { Mounts } from "../internal/mounts/mounts.ts";
import type { SpawnRequest } from "../internal/spawn/spawner.ts";
import { type AgentLocation, findAgent } from "./find.ts";
import type { AgentFile, AgentRow, ModelEndpoint, ModelWire } from "./row.ts";

/** Settings of a server that determine how its agents start. */
export interface LaunchContext {
  readonly home: string;
  readonly cwd: string;
  /** PATH, HOME, LANG and the configured variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly agentsDirectory: string;
  readonly mounts: Mounts;
  readonly models: Partial<Readonly<Record<ModelWire, ModelEndpoint>>>;
  readonly jailed: boolean;
  /**
   * Whether HOME was created for the agents. Otherwise its existing files belong to the user and are not overwritten.
   */
  readonly ownsHome: boolean;
  /** Installs a missing agent on first use. Absent when that is not enabled. */
  readonly installMissing?: (row: AgentRow) => Promise<unknown>;
}

/** Finds `row` with the server's search paths. Returns undefined when it is not installed. */
export function locateAgent(row: AgentRow, context: LaunchContext): Promise<AgentLocation | undefined> {
  const dataHome = context.env.XDG_DATA_HOME;
  return findAgent(row, {
    home: context.home,
    ...(dataHome === undefined ? {} : { dataHome }),
    path: context.env.PATH ?? "",
    agentsDirectory: context.agentsDirectory,
    mounts: context.mounts,
  });
}

/**
 * Writes the files that the agent needs and returns its command and environment. Installs a missing agent if enabled.
 */
export async function prepareLaunch(row: AgentRow, context: LaunchContext): Promise<SpawnRequest> {
  let location = await locateAgent(row, context);
  if (!location && context.installMissing) {
    await context.installMissing(row);
    location = await locateAgent(row, context);
  }
  if (!location) throw notInstalledError(row);
  const model = context.models[row.wire];
  const setup = row.setup({ home: context.home, jailed: context.jailed, ...(model ? { model } : {}) });
  for (const file of setup.files) await writeAgentFile(file, context);
  const path = [
    ...(setup.path ?? []),
    ...(location.binDirectory === undefined ? [] : [location.binDirectory]),
    context.env.PATH ?? "",
    dirname(process.execPath),
  ];
  return {
    program: location.program,
    args: [...location.leadingArgs, ...row.args],
    cwd: context.cwd,
    env: { ...context.env, ...setup.env, PATH: path.filter((part) => part !== "").join(delimiter) },
  };
}

function notInstalledError(row: AgentRow): Error {
  const remedy =
    row.notInstallable ??
    `install it with "npx holdfast agents install ${row.id}" or POST /v1/agents/${row.id}/install`;
  return problem(
    "agent_not_installed",
    404,
    `agent "${row.id}" is not installed: "${row.command}" is neither in the agents directory nor in PATH; ${remedy}`,
    { agent: row.id },
  );
}

async function writeAgentFile(file: AgentFile, context: LaunchContext): Promise<void> {
  const path = normalize(file.path);
  if (!path.startsWith(context.home.endsWith(sep) ? context.home : context.home + sep)) {
    throw new Error(`an agent's file must be inside its HOME: ${file.path}`);
  }
  if (!context.ownsHome && (await exists(path))) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, file.content, { mode: file.mode ?? 0o600, flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
