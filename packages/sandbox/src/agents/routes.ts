import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { AcpInstances } from "../acp/instances.ts";
import { booleanQuery, type Exchange, sendJson } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import type { AgentLocation } from "./find.ts";
import { type LaunchContext, locateAgent } from "./launch.ts";
import type { AgentRow } from "./row.ts";

const run = promisify(execFile);
const versionTimeoutMs = 10_000;

/** `/v1/agents`: the table as callers see it. */
export class AgentRoutes {
  readonly #agents: ReadonlyMap<string, AgentRow>;
  readonly #context: LaunchContext;
  readonly #instances: AcpInstances;
  readonly #versions = new Map<string, Promise<string | undefined>>();

  constructor(agents: ReadonlyMap<string, AgentRow>, context: LaunchContext, instances: AcpInstances) {
    this.#agents = agents;
    this.#context = context;
    this.#instances = instances;
  }

  routes(): readonly Route[] {
    return [
      { path: "/v1/agents", methods: { GET: (exchange) => this.#list(exchange) } },
      { path: "/v1/agents/:id", methods: { GET: (exchange) => this.#one(exchange) } },
    ];
  }

  async #list(exchange: Exchange): Promise<void> {
    const config = this.#wantsConfig(exchange);
    const agents = await Promise.all([...this.#agents.values()].map((row) => this.#describe(row, config)));
    sendJson(exchange.response, { agents });
  }

  async #one(exchange: Exchange): Promise<void> {
    const id = exchange.params.id ?? "";
    const row = this.#agents.get(id);
    if (!row) throw problem("unsupported_agent", 400, `there is no agent "${id}"`, { agent: id });
    sendJson(exchange.response, await this.#describe(row, this.#wantsConfig(exchange)));
  }

  #wantsConfig(exchange: Exchange): boolean {
    if (booleanQuery(exchange, "no_cache")) this.#versions.clear();
    return booleanQuery(exchange, "config");
  }

  async #describe(row: AgentRow, config: boolean) {
    const found = await locateAgent(row, this.#context);
    const uptimes = this.#instances
      .list()
      .filter((instance) => instance.agentId === row.id)
      .map((instance) => instance.uptimeMs);
    const uptimeMs = uptimes.find((value) => value !== undefined);
    const version = config && found ? await this.#version(row, found) : undefined;
    return {
      id: row.id,
      installed: found !== undefined,
      credentialsAvailable: row.wire === "none" || this.#context.models[row.wire] !== undefined,
      capabilities: row.capabilities,
      ...(version === undefined ? {} : { version }),
      ...(config && found ? { path: found.path, configOptions: [] } : {}),
      ...(uptimes.length === 0
        ? {}
        : { serverStatus: uptimeMs === undefined ? { status: "stopped" } : { status: "running", uptimeMs } }),
    };
  }

  #version(row: AgentRow, found: AgentLocation): Promise<string | undefined> {
    const cached = this.#versions.get(row.id);
    if (cached) return cached;
    const version = this.#askVersion(row, found);
    this.#versions.set(row.id, version);
    return version;
  }

  /** The first line that the agent's version command prints; a failing command leaves it out. */
  async #askVersion(row: AgentRow, found: AgentLocation): Promise<string | undefined> {
    if (row.versionArgs === undefined) return undefined;
    try {
      const { stdout } = await run(found.program, [...found.leading, ...row.versionArgs], {
        timeout: versionTimeoutMs,
        killSignal: "SIGKILL",
        cwd: this.#context.cwd,
        env: { ...this.#context.env },
      });
      return stdout.split("\n", 1)[0]?.trim() || undefined;
    } catch {
      return undefined;
    }
  }
}
