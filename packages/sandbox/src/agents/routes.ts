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
/** How long a version command that failed is not asked again: it may hang at each call, or have met a busy moment. */
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

/** How much a caller wants to know: `asks` starts the agent where it has not said its choices yet. */
interface Wanted {
  readonly config: boolean;
  readonly asks: boolean;
}

/** What an agent says of its version, and where it was when it was asked. */
interface Asked {
  readonly path: string;
  readonly version: Promise<string | undefined>;
  /** When it was clear that it said none. */
  failedAt?: number;
}

/** `/v1/agents`: the table as callers see it. Source: the peer's section 2.2. */
export class AgentRoutes {
  readonly #options: AgentRoutesOptions;
  readonly #versions = new Map<string, Asked>();

  constructor(options: AgentRoutesOptions) {
    this.#options = options;
  }

  routes(): readonly Route[] {
    return [
      { path: "/v1/agents", methods: { GET: (exchange) => this.#list(exchange) } },
      { path: "/v1/agents/:id", methods: { GET: (exchange) => this.#one(exchange) } },
      { path: "/v1/agents/:id/install", methods: { POST: (exchange) => this.#install(exchange) } },
    ];
  }

  async #list(exchange: Exchange): Promise<void> {
    const { config } = this.#wanted(exchange);
    const rows = [...this.#options.agents.values()];
    const available = await this.#providers();
    const wanted = { config, asks: false };
    const agents = await Promise.all(rows.map((row) => this.#describe(row, wanted, available)));
    sendJson(exchange.response, { agents });
  }

  async #one(exchange: Exchange): Promise<void> {
    const row = this.#row(exchange);
    const wanted = this.#wanted(exchange);
    sendJson(exchange.response, await this.#describe(row, wanted, await this.#providers()));
  }

  async #install(exchange: Exchange): Promise<void> {
    requireJsonContent(exchange);
    const body = parseJson(await readText(exchange, this.#options.limits.maxJsonBytes));
    const request = installRequest(body);
    const row = this.#row(exchange);
    const { heartbeatMs, installHeadMs } = this.#options.limits;
    const heartbeat = new Heartbeat(exchange.response, heartbeatMs);
    heartbeat.startAfter(installHeadMs);
    try {
      const { alreadyInstalled, artifacts } = await this.#options.installer.install(row, request);
      this.#versions.delete(row.id);
      // As the peer has it, these are what this install has made: none where the agent was there already.
      const made = alreadyInstalled ? [] : artifacts;
      heartbeat.end(JSON.stringify({ already_installed: alreadyInstalled, artifacts: made }));
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

  #wanted(exchange: Exchange): Wanted {
    const config = booleanQuery(exchange, "config");
    const asks = booleanQuery(exchange, "no_cache");
    if (asks) this.#versions.clear();
    return { config, asks };
  }

  async #providers(): Promise<ReadonlySet<string>> {
    const { home, env } = this.#options.context;
    return new Set(Object.keys(await detectCredentials({ home, env })));
  }

  async #describe(row: AgentRow, { config, asks }: Wanted, available: ReadonlySet<string>) {
    const { context, instances } = this.#options;
    const found = await locateAgent(row, context);
    const uptimes = instances
      .list()
      .filter((instance) => instance.agentId === row.id)
      .map((instance) => instance.uptimeMs);
    const uptimeMs = uptimes.find((value) => value !== undefined);
    return {
      id: row.id,
      installed: found !== undefined,
      credentialsAvailable:
        row.credentials.length === 0 ||
        context.models[row.wire] !== undefined ||
        row.credentials.some((provider) => available.has(provider)),
      capabilities: row.capabilities,
      ...(config ? await this.#config(row, found, asks) : {}),
      ...(uptimes.length === 0
        ? {}
        : { serverStatus: uptimeMs === undefined ? { status: "stopped" } : { status: "running", uptimeMs } }),
    };
  }

  async #config(row: AgentRow, found: AgentLocation | undefined, asks: boolean) {
    const [version, configError] = await Promise.all([
      found && this.#version(row, found),
      found && asks ? this.#ask(row) : undefined,
    ]);
    const configOptions: readonly AgentConfigOption[] =
      this.#options.observed.get(row.id) ?? row.configOptions ?? [];
    return {
      ...(version === undefined ? {} : { version }),
      ...(found ? { path: found.path } : {}),
      configOptions,
      ...(configError === undefined ? {} : { configError }),
    };
  }

  /** Starts the agent to hear what it offers now; resolves to why that failed. */
  async #ask(row: AgentRow): Promise<string | undefined> {
    const { context, spawner, limits, observed } = this.#options;
    try {
      const request = await prepareLaunch(row, context);
      observed.observe(row.id, await probeSession({ request, spawner, limits, timeoutMs: probeTimeoutMs }));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #version(row: AgentRow, found: AgentLocation): Promise<string | undefined> {
    const { path } = found;
    const known = this.#versions.get(row.id);
    if (known?.path === path && Date.now() < (known.failedAt ?? Number.POSITIVE_INFINITY) + versionRetryMs) {
      return known.version;
    }
    const version = this.#askVersion(row, found).then((text) => {
      if (text === undefined) asked.failedAt = Date.now();
      return text;
    });
    const asked: Asked = { path, version };
    this.#versions.set(row.id, asked);
    return version;
  }

  /** The first line that the agent's version command prints; a failing command leaves it out. */
  async #askVersion(row: AgentRow, found: AgentLocation): Promise<string | undefined> {
    if (row.versionArgs === undefined) return found.source === "builtin" ? "builtin" : undefined;
    const { cwd, env } = this.#options.context;
    try {
      const { stdout } = await run(found.program, [...found.leading, ...row.versionArgs], {
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

function installRequest(body: unknown) {
  if (!isRecord(body)) throw invalid("the request body must be a JSON object", 422);
  const { reinstall, agentVersion, agentProcessVersion } = body;
  if (reinstall !== undefined && reinstall !== null && typeof reinstall !== "boolean") {
    throw invalid("reinstall must be true or false", 422);
  }
  return {
    reinstall: reinstall === true,
    ...version("agentVersion", agentVersion),
    ...version("agentProcessVersion", agentProcessVersion),
  };
}

function version<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "string") throw invalid(`${name} must be text`, 422);
  const field: Partial<Record<Name, string>> = {};
  field[name] = value;
  return field;
}
