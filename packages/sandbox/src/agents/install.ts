import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { type AgentLocation, findAgent } from "./find.ts";
import { runStep } from "./install-step.ts";
import { checkIntegrity } from "./integrity.ts";
import type { AgentRow } from "./row.ts";
import { sandboxAgents } from "./table.ts";

/** What is installed, and how. */
export interface InstallOptions {
  /** Where the row is looked up; {@link sandboxAgents} by default. */
  readonly agents?: readonly AgentRow[];
  /** Installs again although the pinned versions are there. */
  readonly reinstall?: boolean;
  /** Another version of the agent's own program than the pinned one; the registry's hash then counts. */
  readonly agentVersion?: string;
  /** Another version of the agent's ACP process than the pinned one. */
  readonly agentProcessVersion?: string;
  /** Gives it up: when it has rejected, nothing is left of what it has begun. */
  readonly signal?: AbortSignal;
}

/** A program that is there after an install. */
export interface InstallArtifact {
  readonly kind: "native_agent" | "agent_process";
  /** Absolute path: the command that is started, or the package's directory. */
  readonly path: string;
  readonly source: AgentLocation["source"];
  readonly version?: string;
}

/** What an installation has put where. */
export interface InstalledAgent {
  readonly id: string;
  /** `<directory>/<id>`. */
  readonly directory: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly artifacts: readonly InstallArtifact[];
  /** What the agent's own version command printed first; absent when it has none. */
  readonly version?: string;
  readonly alreadyInstalled: boolean;
}

/**
 * Installs the pinned packages of agent `id` into `<directory>/<id>` with npm. The packages go to a
 * temporary directory first, their hashes are compared with the pinned ones, the agent is run once for
 * its version, and only then is the directory put in place, so that a failed install leaves what was
 * there.
 *
 * Throws `sandbox.unsupported_agent` for an unknown id, `sandbox.invalid_request` for a version that is
 * not exact or that the agent has no package for, and `sandbox.install_failed` (metadata: `agent`,
 * `stderr`) when npm fails, a hash is another one, the command is missing afterwards or does not start.
 */
export async function installAgent(
  id: string,
  directory: string,
  options: InstallOptions = {},
): Promise<InstalledAgent> {
  const known = (options.agents ?? sandboxAgents()).find((agent) => agent.id === id);
  if (!known) {
    const metadata = { agent: id };
    throw new HoldfastError("sandbox", "unsupported_agent", `There is no agent "${id}"`, {
      statusCode: 400,
      metadata,
    });
  }
  const row = withVersions(known, options);
  const root = resolve(directory);
  const target = join(root, row.id);
  const base = { id: row.id, directory: target, packages: row.packages };
  if (Object.keys(row.packages).length === 0) {
    if (row.notInstallable !== undefined) throw installFailed(row, row.notInstallable, undefined);
    return { ...base, artifacts: await artifactsOf(row, root), alreadyInstalled: true };
  }
  if (!options.reinstall && (await installedVersions(target)) === versionsText(row)) {
    const artifacts = await artifactsOf(row, root);
    // Somebody may have removed a part of it.
    if (artifacts.length > 0) return { ...base, artifacts, alreadyInstalled: true };
  }
  await mkdir(root, { recursive: true });
  const staging = await mkdtemp(join(root, `.${row.id}-`));
  try {
    await npmInstall(row, join(staging, row.id), options.signal);
    const problem = await checkIntegrity(row, join(staging, row.id));
    if (problem !== undefined) throw installFailed(row, problem, undefined);
    const version = await verify(row, staging, options.signal);
    await writeFile(join(staging, row.id, "holdfast.json"), versionsText(row));
    // rename cannot replace a directory that has content, so the old one steps aside first.
    const old = join(staging, "old");
    await rename(target, old).catch(ignoreMissing);
    await rename(join(staging, row.id), target);
    const artifacts = await artifactsOf(row, root);
    return { ...base, artifacts, alreadyInstalled: false, ...(version === undefined ? {} : { version }) };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What is there of an agent whose command was found. */
export function artifactsAt(row: AgentRow, found: AgentLocation): readonly InstallArtifact[] {
  const { path, source } = found;
  if (source !== "registry" || found.binDirectory === undefined) {
    return [{ kind: "agent_process", path, source }];
  }
  const { binDirectory } = found;
  const names = Object.keys(row.packages);
  const native = row.nativePackage;
  const own = names.find((name) => name !== native);
  return names.map((name) => {
    const version = row.packages[name];
    const kind = name === native ? ("native_agent" as const) : ("agent_process" as const);
    return {
      kind,
      path: name === own ? path : join(dirname(binDirectory), name),
      source,
      ...(version === undefined || !exactVersion.test(version) ? {} : { version }),
    };
  });
}

async function artifactsOf(row: AgentRow, root: string): Promise<readonly InstallArtifact[]> {
  const found = await findAgent(row, { agentsDirectory: root });
  return found ? artifactsAt(row, found) : [];
}

const exactVersion = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/;

/** The row with the versions that the caller asked for. Their hashes are those of the registry then. */
function withVersions(row: AgentRow, options: InstallOptions): AgentRow {
  const { agentVersion, agentProcessVersion } = options;
  if (agentVersion === undefined && agentProcessVersion === undefined) return row;
  const packages = { ...row.packages };
  const integrity = { ...row.integrity };
  const names = Object.keys(packages);
  const own = names.find((name) => name !== row.nativePackage);
  const set = (name: string | undefined, version: string | undefined, what: string) => {
    if (version === undefined) return;
    if (!exactVersion.test(version)) throw invalidVersion(`"${version}" is not an exact version`);
    if (name === undefined) throw invalidVersion(`agent "${row.id}" has no package for ${what}`);
    if (packages[name] !== version) delete integrity[name];
    packages[name] = version;
  };
  // An agent that speaks ACP itself is one package under both names.
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

async function verify(
  row: AgentRow,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const found = await findAgent(row, { agentsDirectory: directory });
  if (!found) throw installFailed(row, `the packages do not contain the command "${row.command}"`, undefined);
  if (row.versionArgs === undefined) return undefined;
  try {
    const stdout = await runStep({
      program: found.program,
      args: [...found.leading, ...row.versionArgs],
      cwd: directory,
      timeoutMs: 60_000,
      // The version command of some agents writes into HOME.
      env: { ...installEnvironment(process.env), HOME: directory },
      signal,
    });
    return stdout.split("\n", 1)[0]?.trim() ?? "";
  } catch (error) {
    throw installFailed(row, "it does not start", error);
  }
}

/**
 * Puts this Node in front of PATH: npm and install steps then run on the Node that runs the agent. What is
 * for this server alone, its token above all, is not for the packages' own steps.
 */
function installEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passed = Object.entries(env).filter(([name]) => !/^(HOLDFAST_|NODE_CHANNEL_)/.test(name));
  return {
    ...Object.fromEntries(passed),
    PATH: [dirname(process.execPath), env.PATH ?? ""].join(delimiter),
  };
}

function installFailed(row: AgentRow, why: string, cause: unknown): HoldfastError {
  const text = typeof cause === "object" && cause !== null && "stderr" in cause ? String(cause.stderr) : "";
  const stderr = text.slice(-4_096);
  return new HoldfastError("sandbox", "install_failed", `Agent "${row.id}" could not be installed: ${why}`, {
    statusCode: 500,
    metadata: { agent: row.id, stderr, details: { stderr } },
    cause,
  });
}

function ignoreMissing(error: unknown): void {
  if (typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT") return;
  throw error;
}
