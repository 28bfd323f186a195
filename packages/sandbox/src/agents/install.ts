/** Coding agents: find, install, probe, launch. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { type AgentLocation, findAgent } from "./find.ts";
import { runStep } from "./install-step.ts";
import { checkIntegrity } from "./integrity.ts";
import type { AgentRow } from "./row.ts";
import { sandboxAgents } from "./table.ts";

/** Options of an installation. */
export interface InstallOptions {
  /** Rows to search for the id. Default: {@link sandboxAgents}. */
  readonly agents?: readonly AgentRow[];
  /** Reinstalls even if the pinned versions are installed. */
  readonly reinstall?: boolean;
  /** Overrides the version of the agent's program. Its hash is then taken from the registry instead of the row. */
  readonly agentVersion?: string;
  /** Overrides the version of the agent's ACP process. */
  readonly agentProcessVersion?: string;
  /** Aborts the installation. All its processes and files are gone when the call rejects. */
  readonly signal?: AbortSignal;
}

/** An installed program. */
export interface InstallArtifact {
  readonly kind: "native_agent" | "agent_process";
  /** Absolute path of the command or the package directory. */
  readonly path: string;
  readonly source: AgentLocation["source"];
  readonly version?: string;
}

/** Result of an installation. */
export interface InstalledAgent {
  readonly id: string;
  /** `<directory>/<id>`. */
  readonly directory: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly artifacts: readonly InstallArtifact[];
  /** First line of the agent's version command; absent when it has none. */
  readonly version?: string;
  readonly alreadyInstalled: boolean;
}

/**
 * Installs the pinned packages of agent `id` into `<directory>/<id>` with npm. The packages are staged in a temporary
 * directory, their hashes are verified, and the agent's version command runs once. Only then does the directory
 * replace the old one, so a failed installation changes nothing.
 *
 * Throws `sandbox.unsupported_agent` for an unknown id, `sandbox.invalid_request` for a version that is not exact or
 * that the agent has no package for, and `sandbox.install_failed` (metadata: `agent`, `stderr`) when npm fails, a hash
 * differs, or the command is missing or does not start.
 */
export async function installAgent(
  id: string,
  directory: string,
  options: InstallOptions = {},
): Promise<InstalledAgent> {
  const agent = (options.agents ?? sandboxAgents()).find((agent) => agent.id === id);
  if (!agent) {
    const metadata = { agent: id };
    throw new HoldfastError("sandbox", "unsupported_agent", `There is no agent "${id}"`, {
      statusCode: 400,
      metadata,
    });
  }
  const row = withRequestedVersions(agent, options);
  const root = resolve(directory);
  const target = join(root, row.id);
  const base = { id: row.id, directory: target, packages: row.packages };
  if (Object.keys(row.packages).length === 0) {
    if (row.notInstallable !== undefined) throw installFailed(row, row.notInstallable, undefined);
    return { ...base, artifacts: await findArtifacts(row, root), alreadyInstalled: true };
  }
  if (!options.reinstall && (await installedVersions(target)) === versionRecord(row)) {
    const artifacts = await findArtifacts(row, root);
    // The user may have removed parts of it.
    if (artifacts.length > 0) return { ...base, artifacts, alreadyInstalled: true };
  }
  await mkdir(root, { recursive: true });
  const staging = await mkdtemp(join(root, `.${row.id}-`));
  try {
    await npmInstall(row, join(staging, row.id), options.signal);
    const problem = await checkIntegrity(row, join(staging, row.id));
    if (problem !== undefined) throw installFailed(row, problem, undefined);
    const version = await runVersionCommand(row, staging, options.signal);
    await writeFile(join(staging, row.id, "holdfast.json"), versionRecord(row));
    // rename cannot replace a non-empty directory, so move the old one away first.
    const old = join(staging, "old");
    await rename(target, old).catch(ignoreMissing);
    await rename(join(staging, row.id), target);
    const artifacts = await findArtifacts(row, root);
    return { ...base, artifacts, alreadyInstalled: false, ...(version === undefined ? {} : { version }) };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Lists the installed programs of an agent that was found. */
export function artifactsOf(row: AgentRow, location: AgentLocation): readonly InstallArtifact[] {
  const { path, source } = location;
  if (source !== "registry" || location.binDirectory === undefined) {
    return [{ kind: "agent_process", path, source }];
  }
  const { binDirectory } = location;
  const names = Object.keys(row.packages);
  const native = row.nativePackage;
  const processPackage = names.find((name) => name !== native);
  return names.map((name) => {
    const version = row.packages[name];
    const kind = name === native ? ("native_agent" as const) : ("agent_process" as const);
    return {
      kind,
      path: name === processPackage ? path : join(dirname(binDirectory), name),
      source,
      ...(version === undefined || !exactVersion.test(version) ? {} : { version }),
    };
  });
}

async function findArtifacts(row: AgentRow, root: string): Promise<readonly InstallArtifact[]> {
  const location = await findAgent(row, { agentsDirectory: root });
  return location ? artifactsOf(row, location) : [];
}

const exactVersion = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

/** Returns the row with the requested versions. A changed version has no pinned hash. */
function withRequestedVersions(row: AgentRow, options: InstallOptions): AgentRow {
  const { agentVersion, agentProcessVersion } = options;
  if (agentVersion === undefined && agentProcessVersion === undefined) return row;
  const packages = { ...row.packages };
  const integrity = { ...row.integrity };
  const names = Object.keys(packages);
  const own = names.find((name) => name !== row.nativePackage);
  const set = (name: string | undefined, version: string | undefined, option: string) => {
    if (version === undefined) return;
    if (!exactVersion.test(version)) throw invalidVersion(`"${version}" is not an exact version`);
    if (name === undefined) throw invalidVersion(`agent "${row.id}" has no package for ${option}`);
    if (packages[name] !== version) delete integrity[name];
    packages[name] = version;
  };
  // An agent that speaks ACP itself has a single package for both.
  set(
    row.nativePackage ?? (agentProcessVersion === undefined ? own : undefined),
    agentVersion,
    "agentVersion",
  );
  set(own, agentProcessVersion, "agentProcessVersion");
  return { ...row, packages, integrity };
}

function invalidVersion(message: string): HoldfastError {
  return new HoldfastError("sandbox", "invalid_request", message, { statusCode: 400 });
}

function versionRecord(row: AgentRow): string {
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
    await runStep({
      program: "npm",
      args: ["install", "--no-audit", "--no-fund", "--install-links", "--loglevel=error"],
      cwd: directory,
      env: installEnvironment(process.env),
      signal,
    });
  } catch (error) {
    throw installFailed(row, "npm install failed", error);
  }
}

async function runVersionCommand(
  row: AgentRow,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const location = await findAgent(row, { agentsDirectory: directory });
  if (!location)
    throw installFailed(row, `the packages do not contain the command "${row.command}"`, undefined);
  if (row.versionArgs === undefined) return undefined;
  try {
    const stdout = await runStep({
      program: location.program,
      args: [...location.leadingArgs, ...row.versionArgs],
      cwd: directory,
      timeoutMs: 60_000,
      // The version commands of some agents write to HOME.
      env: { ...installEnvironment(process.env), HOME: directory },
      signal,
    });
    return stdout.split("\n", 1)[0]?.trim() ?? "";
  } catch (error) {
    throw installFailed(row, "it does not start", error);
  }
}

/**
 * Environment of npm and package scripts: with this Node first in PATH, and without the server's own variables, which
 * include its token.
 */
function installEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(env).filter(([name]) => !/^(HOLDFAST_|NODE_CHANNEL_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    PATH: [dirname(process.execPath), env.PATH ?? ""].join(delimiter),
  };
}

function installFailed(row: AgentRow, reason: string, cause: unknown): HoldfastError {
  const text = typeof cause === "object" && cause !== null && "stderr" in cause ? String(cause.stderr) : "";
  const stderr = text.slice(-4_096);
  return new HoldfastError(
    "sandbox",
    "install_failed",
    `Agent "${row.id}" could not be installed: ${reason}`,
    {
      statusCode: 500,
      metadata: { agent: row.id, stderr, details: { stderr } },
      cause,
    },
  );
}

function ignoreMissing(error: unknown): void {
  if (typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT") return;
  throw error;
}
