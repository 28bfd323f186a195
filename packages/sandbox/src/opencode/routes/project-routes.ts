import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import type { Handler } from "../../http/router.ts";
import type { Catalog } from "../catalog.ts";
import type { Hub } from "../hub.ts";
import { currentBranch, findWorktree, projectIdOf } from "../project.ts";
import type { RouteContext, RouteTable } from "../route-context.ts";
import { type Fields, opencodeVersion } from "../wire.ts";
import { readDirectory, readObject } from "./input.ts";

/** Routes about the server itself, its project and its models. */
export class OpenCodeProjectRoutes {
  readonly #catalog: Catalog;
  readonly #hub: Hub;
  readonly #context: RouteContext;

  constructor(catalog: Catalog, hub: Hub, context: RouteContext) {
    this.#catalog = catalog;
    this.#hub = hub;
    this.#context = context;
  }

  routes(): RouteTable {
    const config = {
      GET: (exchange: Exchange) => sendJson(exchange.response, this.#context.config.view),
      PATCH: (exchange: Exchange) => this.#configure(exchange),
    };
    return {
      "/opencode/global/health": { GET: respondWith({ healthy: true, version: opencodeVersion }) },
      "/opencode/global/config": config,
      "/opencode/global/dispose": { POST: respondWith(true) },
      "/opencode/global/event": { GET: (exchange) => this.#events(exchange, true) },
      "/opencode/event": { GET: (exchange) => this.#events(exchange, false) },
      "/opencode/instance/dispose": { POST: respondWith(true) },
      "/opencode/config": config,
      "/opencode/config/providers": { GET: (exchange) => this.#providers(exchange) },
      "/opencode/provider": {
        GET: async ({ response }) => sendJson(response, await this.#catalog.providers()),
      },
      "/opencode/provider/auth": { GET: respondWith({}) },
      "/opencode/provider/:providerID/oauth/authorize": { POST: (exchange) => this.#rejectSignIn(exchange) },
      "/opencode/provider/:providerID/oauth/callback": { POST: (exchange) => this.#rejectSignIn(exchange) },
      "/opencode/agent": { GET: ({ response }) => sendJson(response, this.#catalog.modes()) },
      "/opencode/path": { GET: (exchange) => this.#path(exchange) },
      "/opencode/vcs": { GET: (exchange) => this.#vcs(exchange) },
      "/opencode/project": { GET: async (e) => sendJson(e.response, [await this.#project(e)]) },
      "/opencode/project/current": { GET: async (e) => sendJson(e.response, await this.#project(e)) },
      "/opencode/project/:projectID/directories": { GET: respondWith([]) },
      ...emptyRoutes,
      ...Object.fromEntries(emptyCatalogPaths.map((path) => [path, { GET: this.#sendLocatedList() }])),
      "/opencode/api/location": {
        GET: async (exchange) => sendJson(exchange.response, await this.#location(exchange)),
      },
    };
  }

  async #configure(exchange: Exchange): Promise<void> {
    this.#context.config.change(await readObject(exchange, this.#context.maxJsonBytes));
    sendJson(exchange.response, this.#context.config.view);
  }

  async #events(exchange: Exchange, wrapped: boolean): Promise<void> {
    const { request, response, query } = exchange;
    // A client that has received no id may send an empty header.
    const last = request.headers["last-event-id"] || undefined;
    if (last !== undefined && !/^\d{1,15}$/.test(String(last))) {
      throw invalid("Last-Event-ID must be a non-negative integer");
    }
    const filter = wrapped ? undefined : query.get("directory") || undefined;
    const directory = filter === undefined ? undefined : await this.#context.resolveDirectory(filter);
    if (request.method === "HEAD") {
      response.writeHead(200, { "content-type": "text/event-stream" }).end();
      return;
    }
    const lastEventId = last === undefined ? undefined : Number(last);
    this.#hub.feed.addReader(response, { directory, wrapped, lastEventId });
  }

  async #providers({ response }: Exchange): Promise<void> {
    const { all, default: first, connected } = await this.#catalog.providers();
    const usable = all.filter(({ id }) => typeof id === "string" && connected.includes(id));
    sendJson(response, { providers: usable, default: first });
  }

  /** Agents sign in with their own programs, so OpenCode's sign-in always fails. */
  #rejectSignIn({ params }: Exchange): void {
    const id = params.providerID ?? "";
    throw invalid(`this server stores no credentials: sign in to "${id}" with its own program`);
  }

  async #directory(exchange: Exchange): Promise<string> {
    return await this.#context.resolveDirectory(readDirectory(exchange));
  }

  async #path(exchange: Exchange): Promise<void> {
    const directory = await this.#directory(exchange);
    const { root: worktree } = await findWorktree(directory);
    const { home, state, configDirectory } = this.#context;
    sendJson(exchange.response, { home, state, config: configDirectory, worktree, directory });
  }

  async #vcs(exchange: Exchange): Promise<void> {
    const branch = await currentBranch(await findWorktree(await this.#directory(exchange)));
    sendJson(exchange.response, { branch, default_branch: null });
  }

  async #project(exchange: Exchange): Promise<Fields> {
    const directory = await this.#directory(exchange);
    const { root: worktree, git } = await findWorktree(directory);
    const id = projectIdOf(directory);
    const time = { created: this.#context.startedAt, updated: this.#context.startedAt };
    return { id, worktree, ...(git === undefined ? {} : { vcs: "git", vcsDir: git }), time, sandboxes: [] };
  }

  async #location(exchange: Exchange): Promise<Fields> {
    const directory = await this.#directory(exchange);
    const { root } = await findWorktree(directory);
    return { directory, project: { id: projectIdOf(directory), directory: root } };
  }

  /** Sends an empty list in the format of OpenCode's newer API, which includes the directory. */
  #sendLocatedList(): Handler {
    return async (exchange) =>
      sendJson(exchange.response, { location: await this.#location(exchange), data: [] });
  }
}

function respondWith(value: unknown): Handler {
  return ({ response }) => sendJson(response, value);
}

/** Empty responses for features that the agents provide themselves. */
const emptyRoutes: RouteTable = {
  "/opencode/command": { GET: respondWith([]) },
  "/opencode/mcp": { GET: respondWith({}) },
  "/opencode/lsp": { GET: respondWith([]) },
  "/opencode/formatter": { GET: respondWith([]) },
  "/opencode/skill": { GET: respondWith([]) },
  "/opencode/experimental/resource": { GET: respondWith({}) },
  "/opencode/experimental/capabilities": { GET: respondWith({ backgroundSubagents: false }) },
  "/opencode/experimental/console": {
    GET: respondWith({ consoleManagedProviders: [], switchableOrgCount: 0 }),
  },
  "/opencode/experimental/workspace": { GET: respondWith([]) },
  "/opencode/experimental/workspace/status": { GET: respondWith([]) },
};

const emptyCatalogPaths = ["agent", "integration", "model", "provider", "reference", "command", "skill"].map(
  (name) => `/opencode/api/${name}`,
);
