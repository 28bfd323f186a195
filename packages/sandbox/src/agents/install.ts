import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";
import { findAgent } from "./find.ts";
import type { AgentRow } from "./row.ts";
import { agentTable } from "./table.ts";

const run = promisify(execFile);

export interface InstallOptions {
  /** Where the row is looked up; {@link agentTable} by default. */
  readonly agents?: readonly AgentRow[];
  /** Installs again although the pinned versions are there. */
  readonly reinstall?: boolean;
  readonly signal?: AbortSignal;
}

export interface InstalledAgent {
  readonly id: string;
  /** `<directory>/<id>`. */
  readonly directory: string;
  readonly packages: Readonly<Record<string, string>>;
  /** What the agent's own version command printed first; absent when it has none. */
  readonly version?: string;
  readonly alreadyInstalled: boolean;
}

/**
 * Installs the pinned packages of agent `id` into `<directory>/<id>` with npm. The packages go to a
 * temporary directory first, the agent is run once for its version, and only then is the directory
 * put in place, so that a failed install leaves what was there.
 *
 * Throws `sandbox.unsupported_agent` for an unknown id and `sandbox.install_failed` (metadata:
 * `stderr`) when npm fails, the command is missing afterwards or does not start.
 */
export async function installAgent(
  id: string,
  directory: string,
  options: InstallOptions = {},
): Promise<InstalledAgent> {
  const row = (options.agents ?? agentTable).find((agent) => agent.id === id);
  if (!row)
    throw new HoldfastError("sandbox", "unsupported_agent", `There is no agent "${id}"`, { statusCode: 400 });
  const root = resolve(directory);
  const target = join(root, row.id);
  const base = { id: row.id, directory: target, packages: row.packages };
  if (Object.keys(row.packages).length === 0) return { ...base, alreadyInstalled: true };
  if (!options.reinstall && (await installedVersions(target)) === versionsText(row)) {
    return { ...base, alreadyInstalled: true };
  }
  await mkdir(root, { recursive: true });
  const staging = await mkdtemp(join(root, `.${row.id}-`));
  try {
    await npmInstall(row, join(staging, row.id), options.signal);
    const version = await verify(row, staging, options.signal);
    await writeFile(join(staging, row.id, "holdfast.json"), versionsText(row));
    // rename cannot replace a directory that has content, so the old one steps aside first.
    const old = join(staging, "old");
    await rename(target, old).catch(ignoreMissing);
    await rename(join(staging, row.id), target);
    return { ...base, alreadyInstalled: false, ...(version === undefined ? {} : { version }) };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function versionsText(row: AgentRow): string {
  return `${JSON.stringify({ packages: row.packages })}\n`;
}

async function installedVersions(target: string): Promise<string | undefined> {
  return await readFile(join(target, "holdfast.json"), "utf8").catch(() => undefined);
}

async function npmInstall(row: AgentRow, directory: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, "package.json"),
    `${JSON.stringify({ name: `agent-${row.id}`, private: true, dependencies: row.packages }, null, 2)}\n`,
  );
  try {
    await run(
      "npm",
      ["install", "--no-audit", "--no-fund", "--no-package-lock", "--install-links", "--loglevel=error"],
      {
        cwd: directory,
        maxBuffer: 16 * 1_048_576,
        env: nodeFirst(process.env),
        ...(signal ? { signal } : {}),
      },
    );
  } catch (error) {
    throw installFailed(row, "npm install failed", error);
  }
}

async function verify(
  row: AgentRow,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const found = await findAgent(row, { agentsDirectory: directory });
  if (!found) throw installFailed(row, `the packages do not contain the command "${row.command}"`, undefined);
  if (row.versionArgs === undefined) return undefined;
  try {
    const { stdout } = await run(found.program, [...found.leading, ...row.versionArgs], {
      cwd: directory,
      timeout: 60_000,
      // The version command of some agents writes into HOME.
      env: { ...nodeFirst(process.env), HOME: directory },
      ...(signal ? { signal } : {}),
    });
    return stdout.split("\n", 1)[0]?.trim() ?? "";
  } catch (error) {
    throw installFailed(row, "it does not start", error);
  }
}

/** Puts this Node in front of PATH: npm and install steps then run on the Node that runs the agent. */
function nodeFirst(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: [dirname(process.execPath), env.PATH ?? ""].join(delimiter) };
}

function installFailed(row: AgentRow, why: string, cause: unknown): HoldfastError {
  const stderr = typeof cause === "object" && cause !== null && "stderr" in cause ? String(cause.stderr) : "";
  return new HoldfastError("sandbox", "install_failed", `Agent "${row.id}" could not be installed: ${why}`, {
    statusCode: 500,
    metadata: { agent: row.id, stderr: stderr.slice(-4_096) },
    cause,
  });
}

function ignoreMissing(error: unknown): void {
  if (typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT") return;
  throw error;
}
