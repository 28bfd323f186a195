import { decodeKey, encodeKey, HoldfastError, isHoldfastError, toProblem } from "@holdfast/core";
import { readJson } from "./http/body.ts";
import { metadataPrefix, resourceMetadata, TokenRefused, verifyBearer } from "./http/oauth.ts";
import { RunningCalls } from "./http/running-calls.ts";
import { Sessions } from "./http/sessions.ts";
import { checkOptions, type McpOptions, type McpRegistry } from "./options.ts";
import { ActorCalls, type Target } from "./tools/actor-calls.ts";
import { type Catalog, catalogOf } from "./tools/catalog.ts";
import { answer } from "./tools/protocol-server.ts";

/** Serves MCP: an application for `listen({ application })`, Hono, or any other server of `Request` and `Response`. */
export interface McpServer {
  fetch(request: Request): Promise<Response>;
}

/**
 * Serves the actors of a registry as MCP servers: one at `/mcp/{name}/{key}` for each actor whose definition has actions
 * with `mcp`. Throws `mcp.invalid_definition`.
 */
export function mcp(registry: McpRegistry, options: McpOptions = {}): McpServer {
  const catalogs = new Map<string, Catalog>();
  for (const [name, definition] of Object.entries(registry.settings.use)) {
    const catalog = catalogOf(name, definition);
    if (catalog !== undefined) catalogs.set(name, catalog);
  }
  checkOptions(options, [...catalogs.keys()]);
  const server = new ActorServers(registry, options, catalogs);
  return { fetch: (request) => server.fetch(request) };
}

class ActorServers {
  readonly #registry: McpRegistry;
  readonly #options: McpOptions;
  readonly #catalogs: ReadonlyMap<string, Catalog>;
  readonly #path: string;
  readonly #sessions: Sessions;
  readonly #running = new RunningCalls();

  constructor(registry: McpRegistry, options: McpOptions, catalogs: ReadonlyMap<string, Catalog>) {
    this.#registry = registry;
    this.#options = options;
    this.#catalogs = catalogs;
    this.#path = options.path ?? "/mcp";
    this.#sessions = new Sessions(options.secret);
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname, origin } = new URL(request.url);
    const isMetadata = pathname.startsWith(`${metadataPrefix}${this.#path}/`);
    const path = isMetadata ? pathname.slice(metadataPrefix.length) : pathname;
    const base = this.#options.publicUrl ?? origin;
    try {
      if (!path.startsWith(`${this.#path}/`)) return await this.#next(request);
      const target = this.#target(path);
      if (isMetadata) return this.#metadata(`${base}${path}`);
      return await this.#serve(request, target, base);
    } catch (error) {
      if (error instanceof TokenRefused) return this.#challenge(error, `${base}${metadataPrefix}${path}`);
      if (isHoldfastError(error)) return problem(error);
      throw error;
    }
  }

  async #next(request: Request): Promise<Response> {
    if (this.#options.next === undefined) throw notFound("There is nothing at this path");
    return await this.#options.next.fetch(request);
  }

  /** Throws `mcp.not_found`, `actor.invalid_key`, `actor.key_too_long`. */
  #target(path: string): Target {
    const [name = "", key = "", ...rest] = path.slice(this.#path.length + 1).split("/");
    if (rest.length > 0 || !this.#catalogs.has(name))
      throw notFound(`No actor with tools is at ${path}: the address is ${this.#path}/{name}/{key}`);
    // A key of one component may be written plainly.
    return { name, key: decodeKey(key === "" || key.endsWith(",") ? key : `${plainKey(key)},`) };
  }

  #metadata(resource: string): Response {
    const { oauth } = this.#options;
    if (oauth === undefined) throw notFound("This server asks for no token");
    return Response.json(resourceMetadata(resource, oauth), {
      headers: { "access-control-allow-origin": "*" },
    });
  }

  async #serve(request: Request, target: Target, base: string): Promise<Response> {
    const { oauth, instructions = {}, create = true } = this.#options;
    const path = `${this.#path}/${target.name}/${encodeKey(target.key)}`;
    const verified =
      oauth && (await verifyBearer(request, target, `${base}${new URL(request.url).pathname}`, oauth));
    const subject = verified?.subject ?? "";
    if (request.method !== "POST")
      return problem(
        new HoldfastError("mcp", "method_not_allowed", "Send requests with POST: nothing is sent unasked", {
          statusCode: 405,
        }),
        { allow: "POST" },
      );
    const body = await readJson(request);
    const begins = methodOf(body) === "initialize";
    const session = begins ? this.#sessions.begin(path, subject) : request.headers.get("mcp-session-id");
    this.#sessions.check(session, path, subject);
    const id = session ?? "";
    const cancelled = cancelledRequest(body);
    if (cancelled !== undefined) this.#running.cancel(id, cancelled);
    const catalog = this.#catalogs.get(target.name);
    if (catalog === undefined) throw notFound("There is nothing at this path");
    const served = {
      ...{ catalog, target, resourceBase: `holdfast://${target.name}/${encodeKey(target.key)}` },
      instructions: instructions[target.name],
      calls: new ActorCalls(this.#registry, target, request, create),
      cancellable: (requestId: string | number, signal: AbortSignal) =>
        this.#running.begin(id, requestId, signal),
    };
    const response = await answer(served, request, body);
    if (begins && response.ok) response.headers.set("mcp-session-id", id);
    return response;
  }

  #challenge(refused: TokenRefused, metadataUrl: string): Response {
    const challenge = refused.challenge(metadataUrl, this.#options.oauth?.scopes);
    return problem(refused.error, { "www-authenticate": challenge });
  }
}

function methodOf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "method" in body ? body.method : undefined;
}

/** The id of the request that the message cancels. */
function cancelledRequest(body: unknown): string | number | undefined {
  if (methodOf(body) !== "notifications/cancelled") return undefined;
  const { requestId } = (body as { params?: { requestId?: unknown } }).params ?? {};
  return typeof requestId === "string" || typeof requestId === "number" ? requestId : undefined;
}

/** Encoded as in the canonical text of keys. */
function plainKey(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part));
  } catch {
    throw notFound("The path is not percent-encoded UTF-8");
  }
}

function notFound(message: string): HoldfastError {
  return new HoldfastError("mcp", "not_found", message, { statusCode: 404 });
}

function problem(error: HoldfastError, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(toProblem(error), {
    status: error.statusCode,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}
