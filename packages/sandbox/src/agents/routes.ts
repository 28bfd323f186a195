import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { AcpInstances } from "../acp/instances.ts";
import { detectCredentials } from "../credentials/detect.ts";
import {
  booleanQuery,
  type Exchange,
  parseJson,
  readText,
  requireJsonContent,
  sendJson,
} from "../http/exchange.ts";
import { Heartbeat } from "../http/heartbeat.ts";
import { invalid, isRecord, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import type { Spawner } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import type { ObservedOptions } from "./config-options.ts";
import type { AgentLocation } from "./find.ts";
import type { AgentInstaller } from "./installer.ts";
import { type LaunchContext, locateAgent, prepareLaunch } from "./launch.ts";
import { probeSession } from "./probe.ts";
import type { AgentConfigOption, AgentRow } from "./row.ts";

const run = promisify(execFile);
const versionTimeoutMs = 10_000;
const probeTimeoutMs = 30_000;
/** How long a failed version command is cached. It may hang on every call, or may have hit a temporary overload. */
const versionRetryMs = 60_000;

export interface AgentRoutesOptions {
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly context: LaunchContext;
  readonly instances: AcpInstances;
  readonly installer: AgentInstaller;
  readonly observed: ObservedOptions;
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
}

/** Requested level of detail. `probe` starts the agent to read its options. */
interface DetailLevel {
  readonly config: boolean;
  readonly probe: boolean;
}

/** Cached version of an agent, valid while its path stays the same. */
interface CachedVersion {
  readonly path: string;
  readonly version: Promise<string | undefined>;
  /** When the version command failed. */
  failedAt?: number;
}

/** Routes `/v1/agents`. Source: section 2.2 of the peer's documentation. */
export class AgentRoutes {
  readonly #options: AgentRoutesOptions;
  readonly #versions = new Map<string, CachedVersion>();

  constructor(options: AgentRoutesOptions) {
    this.#options = options;
  }

  routes(): readonly Route[] {
    return [
      { path: "/v1/agents", methods: { GET: (exchange) => this.#list(exchange) } },
      { path: "/v1/agents/:id", methods: { GET: (exchange) => this.#get(exchange) } },
      { path: "/v1/agents/:id/install", methods: { POST: (exchange) => this.#install(exchange) } },
    ];
  }

  async #list(exchange: Exchange): Promise<void> {
    const { config } = this.#detailLevel(exchange);
    const rows = [...this.#options.agents.values()];
    const available = await this.#availableProviders();
    const detail = { config, probe: false };
    const agents = await Promise.all(rows.map((row) => this.#describe(row, detail, available)));
    sendJson(exchange.response, { agents });
  }

  async #get(exchange: Exchange): Promise<void> {
    const row = this.#row(exchange);
    const detail = this.#detailLevel(exchange);
    sendJson(exchange.response, await this.#describe(row, detail, await this.#availableProviders()));
  }

  async #install(exchange: Exchange): Promise<void> {
    requireJsonContent(exchange);
    const body = parseJson(await readText(exchange, this.#options.limits.maxJsonBytes));
    const request = parseInstallRequest(body);
    const row = this.#row(exchange);
    const { heartbeatMs, installHeadMs } = this.#options.limits;
    const heartbeat = new Heartbeat(exchange.response, heartbeatMs);
    heartbeat.startAfter(installHeadMs);
    try {
      const { alreadyInstalled, artifacts } = await this.#options.installer.install(row, request);
      this.#versions.delete(row.id);
      // As in the peer, only newly installed programs are listed.
      const newArtifacts = alreadyInstalled ? [] : artifacts;
      heartbeat.end(JSON.stringify({ already_installed: alreadyInstalled, artifacts: newArtifacts }));
    } finally {
      heartbeat.stop();
    }
  }

  #row(exchange: Exchange): AgentRow {
    const id = exchange.params.id ?? "";
    const row = this.#options.agents.get(id);
    if (row) return row;
    throw problem("unsupported_agent", 400, `there is no agent "${id}"`, { agent: id });
  }

  #detailLevel(exchange: Exchange): DetailLevel {
    const config = booleanQuery(exchange, "config");
    const probe = booleanQuery(exchange, "no_cache");
    if (probe) this.#versions.clear();
    return { config, probe };
  }

  async #availableProviders(): Promise<ReadonlySet<string>> {
    const { home, env } = this.#options.context;
    return new Set(Object.keys(await detectCredentials({ home, env })));
  }

  async #describe(row: AgentRow, { config, probe }: DetailLevel, available: ReadonlySet<string>) {
    const { context, instances } = this.#options;
    const location = await locateAgent(row, context);
    const uptimes = instances
      .list()
      .filter((instance) => instance.agentId === row.id)
      .map((instance) => instance.uptimeMs);
    const uptimeMs = uptimes.find((value) => value !== undefined);
    return {
      id: row.id,
      installed: location !== undefined,
      credentialsAvailable:
        row.credentials.length === 0 ||
        context.models[row.wire] !== undefined ||
        row.credentials.some((provider) => available.has(provider)),
      capabilities: row.capabilities,
      ...(config ? await this.#describeConfig(row, location, probe) : {}),
      ...(uptimes.length === 0
        ? {}
        : { serverStatus: uptimeMs === undefined ? { status: "stopped" } : { status: "running", uptimeMs } }),
    };
  }

  async #describeConfig(row: AgentRow, location: AgentLocation | undefined, probe: boolean) {
    const [version, configError] = await Promise.all([
      location && this.#version(row, location),
      location && probe ? this.#probe(row) : undefined,
    ]);
    const configOptions: readonly AgentConfigOption[] =
      this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    return {
      ...(version === undefined ? {} : { version }),
      ...(location ? { path: location.path } : {}),
      configOptions,
      ...(configError === undefined ? {} : { configError }),
    };
  }

  /** Starts the agent to read its current options. Returns the error message if that fails. */
  async #probe(row: AgentRow): Promise<string | undefined> {
    const { context, spawner, limits, observed } = this.#options;
    try {
      const request = await prepareLaunch(row, context);
      observed.observe(row.id, await probeSession({ request, spawner, limits, timeoutMs: probeTimeoutMs }));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #version(row: AgentRow, location: AgentLocation): Promise<string | undefined> {
    const { path } = location;
    const cached = this.#versions.get(row.id);
    if (
      cached?.path === path &&
      Date.now() < (cached.failedAt ?? Number.POSITIVE_INFINITY) + versionRetryMs
    ) {
      return cached.version;
    }
    const version = this.#readVersion(row, location).then((text) => {
      if (text === undefined) entry.failedAt = Date.now();
      return text;
    });
    const entry: CachedVersion = { path, version };
    this.#versions.set(row.id, entry);
    return version;
  }

  /** Returns the first line that the agent's version command prints; undefined if the command fails. */
  async #readVersion(row: AgentRow, location: AgentLocation): Promise<string | undefined> {
    if (row.versionArgs === undefined) return location.source === "builtin" ? "builtin" : undefined;
    const { cwd, env } = this.#options.context;
    try {
      const { stdout } = await run(location.program, [...location.leadingArgs, ...row.versionArgs], {
        timeout: versionTimeoutMs,
        killSignal: "SIGKILL",
        cwd,
        env: { ...env },
      });
      return stdout.split("\n", 1)[0]?.trim() || undefined;
    } catch {
      return undefined;
    }
  }
}

function parseInstallRequest(body: unknown) {
  if (!isRecord(body)) throw invalid("the request body must be a JSON object", 422);
  const { reinstall, agentVersion, agentProcessVersion } = body;
  if (reinstall !== undefined && reinstall !== null && typeof reinstall !== "boolean") {
    throw invalid("reinstall must be true or false", 422);
  }
  return {
    reinstall: reinstall === true,
    ...versionField("agentVersion", agentVersion),
    ...versionField("agentProcessVersion", agentProcessVersion),
  };
}

function versionField<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "string") throw invalid(`${name} must be a string`, 422);
  const field: Partial<Record<Name, string>> = {};
  field[name] = value;
  return field;
}
