import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import type { Handler } from "../../http/router.ts";
import type { Catalog } from "../catalog.ts";
import type { Hub } from "../hub.ts";
import { branchOf, projectIdOf, worktreeOf } from "../project.ts";
import type { RouteTable, Shared } from "../shared.ts";
import { type Fields, opencodeVersion } from "../wire.ts";
import { directoryOf, readFields } from "./input.ts";

/** What an OpenCode server tells of itself, its project and its models. */
export class OpenCodeProjectRoutes {
  readonly #catalog: Catalog;
  readonly #hub: Hub;
  readonly #shared: Shared;

  constructor(catalog: Catalog, hub: Hub, shared: Shared) {
    this.#catalog = catalog;
    this.#hub = hub;
    this.#shared = shared;
  }

  routes(): RouteTable {
    const config = {
      GET: (exchange: Exchange) => sendJson(exchange.response, this.#shared.config.view),
      PATCH: (exchange: Exchange) => this.#configure(exchange),
    };
    return {
      "/opencode/global/health": { GET: says({ healthy: true, version: opencodeVersion }) },
      "/opencode/global/config": config,
      "/opencode/global/dispose": { POST: says(true) },
      "/opencode/global/event": { GET: (exchange) => this.#events(exchange, true) },
      "/opencode/event": { GET: (exchange) => this.#events(exchange, false) },
      "/opencode/instance/dispose": { POST: says(true) },
      "/opencode/config": config,
      "/opencode/config/providers": { GET: (exchange) => this.#providers(exchange) },
      "/opencode/provider": {
        GET: async ({ response }) => sendJson(response, await this.#catalog.providers()),
      },
      "/opencode/provider/auth": { GET: says({}) },
      "/opencode/provider/:providerID/oauth/authorize": { POST: (exchange) => this.#authorize(exchange) },
      "/opencode/provider/:providerID/oauth/callback": { POST: (exchange) => this.#authorize(exchange) },
      "/opencode/agent": { GET: ({ response }) => sendJson(response, this.#catalog.modes()) },
      "/opencode/path": { GET: (exchange) => this.#path(exchange) },
      "/opencode/vcs": { GET: (exchange) => this.#vcs(exchange) },
      "/opencode/project": { GET: async (e) => sendJson(e.response, [await this.#project(e)]) },
      "/opencode/project/current": { GET: async (e) => sendJson(e.response, await this.#project(e)) },
      "/opencode/project/:projectID/directories": { GET: says([]) },
      ...nothingThere,
      ...Object.fromEntries(catalogPaths.map((path) => [path, { GET: this.#located() }])),
      "/opencode/api/location": {
        GET: async (exchange) => sendJson(exchange.response, await this.#location(exchange)),
      },
    };
  }

  async #configure(exchange: Exchange): Promise<void> {
    this.#shared.config.change(await readFields(exchange, this.#shared.maxJsonBytes));
    sendJson(exchange.response, this.#shared.config.view);
  }

  async #events(exchange: Exchange, wrapped: boolean): Promise<void> {
    const { request, response, query } = exchange;
    // A client that has seen no id yet may send the header without one.
    const last = request.headers["last-event-id"] || undefined;
    if (last !== undefined && !/^\d{1,15}$/.test(String(last))) {
      throw invalid("Last-Event-ID must be a non-negative integer");
    }
    const named = wrapped ? undefined : query.get("directory") || undefined;
    const directory = named === undefined ? undefined : await this.#shared.placeOf(named);
    if (request.method === "HEAD") {
      response.writeHead(200, { "content-type": "text/event-stream" }).end();
      return;
    }
    const after = last === undefined ? undefined : Number(last);
    this.#hub.feed.open(response, { directory, wrapped, after });
  }

  async #providers({ response }: Exchange): Promise<void> {
    const { all, default: first, connected } = await this.#catalog.providers();
    const usable = all.filter(({ id }) => typeof id === "string" && connected.includes(id));
    sendJson(response, { providers: usable, default: first });
  }

  /** Agents sign in by themselves: what OpenCode's own providers do is not for them. */
  #authorize({ params }: Exchange): void {
    const id = params.providerID ?? "";
    throw invalid(`sign "${id}" in with its own program: this server keeps no credentials`);
  }

  async #directory(exchange: Exchange): Promise<string> {
    return await this.#shared.placeOf(directoryOf(exchange));
  }

  async #path(exchange: Exchange): Promise<void> {
    const directory = await this.#directory(exchange);
    const { root: worktree } = await worktreeOf(directory);
    const { home, state, configDirectory } = this.#shared;
    sendJson(exchange.response, { home, state, config: configDirectory, worktree, directory });
  }

  async #vcs(exchange: Exchange): Promise<void> {
    const branch = await branchOf(await worktreeOf(await this.#directory(exchange)));
    sendJson(exchange.response, { branch, default_branch: null });
  }

  async #project(exchange: Exchange): Promise<Fields> {
    const directory = await this.#directory(exchange);
    const { root: worktree, git } = await worktreeOf(directory);
    const id = projectIdOf(directory);
    const time = { created: this.#shared.startedAt, updated: this.#shared.startedAt };
    return { id, worktree, ...(git === undefined ? {} : { vcs: "git", vcsDir: git }), time, sandboxes: [] };
  }

  async #location(exchange: Exchange): Promise<Fields> {
    const directory = await this.#directory(exchange);
    const { root } = await worktreeOf(directory);
    return { directory, project: { id: projectIdOf(directory), directory: root } };
  }

  /** An empty list of the newer half of OpenCode's API, with where it is of. */
  #located(): Handler {
    return async (exchange) =>
      sendJson(exchange.response, { location: await this.#location(exchange), data: [] });
  }
}

function says(value: unknown): Handler {
  return ({ response }) => sendJson(response, value);
}

/** What this server has none of: its agents do these things themselves. */
const nothingThere: RouteTable = {
  "/opencode/command": { GET: says([]) },
  "/opencode/mcp": { GET: says({}) },
  "/opencode/lsp": { GET: says([]) },
  "/opencode/formatter": { GET: says([]) },
  "/opencode/skill": { GET: says([]) },
  "/opencode/experimental/resource": { GET: says({}) },
  "/opencode/experimental/capabilities": { GET: says({ backgroundSubagents: false }) },
  "/opencode/experimental/console": { GET: says({ consoleManagedProviders: [], switchableOrgCount: 0 }) },
  "/opencode/experimental/workspace": { GET: says([]) },
  "/opencode/experimental/workspace/status": { GET: says([]) },
};

const catalogPaths = ["agent", "integration", "model", "provider", "reference", "command", "skill"].map(
  (name) => `/opencode/api/${name}`,
);
