import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type HoldfastError, isHoldfastError, type Logger, sanitizeError } from "@holdfast/core";
import type { WebSocket } from "ws";
import { ClientGone } from "./client-gone.ts";
import type { Exchange } from "./exchange.ts";
import { sendEmpty } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { invalid, problem, problemResponseText, sendProblem } from "./problem.ts";
import { type Query, splitTarget, toOriginForm } from "./query.ts";
import { type SocketExchange, Sockets } from "./sockets.ts";

/** Handles one request. A thrown error becomes the response. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

/** One path with its handlers. A segment that starts with ":" is a parameter. */
export interface Route {
  readonly path: string;
  /** Also matches every path below this one. The parameter `below` holds the rest, not decoded. */
  readonly matchSubpaths?: boolean;
  readonly methods: Readonly<Record<string, Handler>>;
  /** Whether the token is required. Default: true for paths under `/v1/`. */
  readonly guarded?: boolean;
  /** Accepts the token as the password of HTTP basic authentication, for clients that support nothing else. */
  readonly acceptsBasicAuth?: boolean;
  /** Sends an error to clients that do not read problem details. */
  readonly sendError?: (response: ServerResponse, error: HoldfastError) => void;
  /** Handles WebSocket upgrades of the path. A plain GET goes to `methods`, or fails with 400. */
  readonly socket?: (exchange: SocketExchange) => void | Promise<void>;
  /**
   * How a refused upgrade is reported. "http" (default) responds with problem details, as the peer does. "close"
   * accepts the upgrade and closes it with 1008 (refused) or 1011 (failed) and `group.code`, because a browser sees
   * nothing else.
   */
  readonly socketRefusal?: "http" | "close";
}

/** Routes that are loaded with the first request below their prefix, to save memory. */
export interface LazyRoutes {
  /** Common start of all their paths, of one or more segments: "/name". */
  readonly prefix: string;
  /** Paths among them that take WebSocket upgrades: whether one does has to be known before they are loaded. */
  readonly sockets?: readonly string[];
  readonly load: () => Promise<readonly Route[]>;
}

interface CompiledRoute {
  readonly segments: readonly string[];
  readonly route: Route;
  readonly guarded: boolean;
}

interface RouteMatch {
  readonly route: Route;
  readonly guarded: boolean;
  readonly params: Readonly<Record<string, string>>;
}

export interface RouterOptions {
  readonly guard: Guard;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly logRequests?: boolean;
  readonly logHeaders?: boolean;
  readonly lazyRoutes?: readonly LazyRoutes[];
}

/**
 * A class, because its signal is created on first use. A getter in an object literal would be a closure, and V8 would
 * create a hidden class for each request, which keeps the request in memory until a full collection.
 */
class RoutedExchange implements Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly #clientGone: ClientGone;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    params: Readonly<Record<string, string>>,
    query: Query,
    clientGone: ClientGone,
  ) {
    this.request = request;
    this.response = response;
    this.params = params;
    this.query = query;
    this.#clientGone = clientGone;
  }

  get signal(): AbortSignal {
    return this.#clientGone.signal;
  }
}

/** Metrics label of requests that match no route. */
const unknownRoute = "unknown";

/** Dispatches requests. Checks the origin first, then the path (404), the token, and the method (405). */
export class Router {
  readonly #compiled: CompiledRoute[] = [];
  readonly #lazyLoaders: Map<string, () => Promise<readonly Route[]>>;
  readonly #lazySockets: ReadonlySet<string>;
  readonly #loading = new Map<string, Promise<void>>();
  /** Matches for paths without parameters, by path. */
  readonly #staticRoutes = new Map<string, RouteMatch>();
  readonly #guard: Guard;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #logRequests: boolean;
  readonly #logHeaders: boolean;
  readonly #sockets = new Sockets();
  readonly #active = new Set<Promise<void>>();

  constructor(routes: readonly Route[], options: RouterOptions) {
    this.#add(routes);
    this.#lazyLoaders = new Map(options.lazyRoutes?.map(({ prefix, load }) => [prefix, load]));
    this.#lazySockets = new Set(options.lazyRoutes?.flatMap(({ sockets = [] }) => sockets));
    this.#guard = options.guard;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#logRequests = options.logRequests ?? false;
    this.#logHeaders = options.logHeaders ?? false;
    this.#metrics.gauge("holdfast_sandbox_websockets_open", "Open WebSockets", () => this.#sockets.size);
  }

  /** Returns all routes. Loads the lazy ones first. */
  async allRoutes(): Promise<readonly Route[]> {
    for (const prefix of this.#lazyLoaders.keys()) await this.#load(prefix);
    return this.#compiled.map(({ route }) => route);
  }

  #add(routes: readonly Route[]): void {
    for (const route of routes) {
      const segments = route.path.split("/").slice(1);
      const guarded = route.guarded ?? route.path.startsWith("/v1/");
      this.#compiled.push({ segments, route, guarded });
      if (route.matchSubpaths || segments.some((segment) => segment.startsWith(":"))) continue;
      this.#staticRoutes.set(route.path, { route, guarded, params: {} });
    }
  }

  async #load(prefix: string): Promise<void> {
    const load = this.#lazyLoaders.get(prefix);
    if (!load) return;
    const current = this.#loading.get(prefix);
    const loading = current ?? load().then((routes) => this.#add(routes));
    this.#loading.set(prefix, loading);
    try {
      await loading;
      this.#lazyLoaders.delete(prefix);
    } finally {
      this.#loading.delete(prefix);
    }
  }

  /** Handles one request. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const handling = this.#handle(request, response).finally(() => this.#active.delete(handling));
    this.#active.add(handling);
    return handling;
  }

  /** Resolves when no HTTP handler runs any more, or after `timeoutMs`. */
  async waitForIdle(timeoutMs: number): Promise<void> {
    const timedOut = Promise.withResolvers<void>();
    const timer = setTimeout(timedOut.resolve, timeoutMs);
    await Promise.race([Promise.all(this.#active), timedOut.promise]);
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    toOriginForm(request);
    const clientGone = new ClientGone();
    const started = performance.now();
    let route = unknownRoute;
    let match: RouteMatch | undefined;
    this.#metrics.inFlight += 1;
    response.once("close", () => {
      clientGone.connectionClosed(response.writableFinished);
      this.#metrics.inFlight -= 1;
      this.#recordRequest(request, response, route, performance.now() - started);
    });
    // A failing client socket needs no handling here: "close" follows and aborts the handler.
    response.on("error", () => {});
    try {
      const target = splitTarget(request);
      this.#guard.checkOrigin(request, response);
      match = this.#find(target.path) ?? (await this.#findLazy(target.path));
      if (request.method === "OPTIONS") {
        if (match) response.setHeader("allow", allowedMethods(match.route));
        sendEmpty(response, 200);
        return;
      }
      if (!match) throw invalid("endpoint not found", 404);
      route = match.route.path;
      await this.#dispatch(
        match,
        new RoutedExchange(request, response, match.params, target.query, clientGone),
      );
    } catch (error) {
      this.#sendFailure(request, response, error, match?.route.sendError);
    }
  }

  /** Whether a request is a WebSocket upgrade that {@link upgrade} handles. */
  isSocketUpgrade(request: IncomingMessage): boolean {
    if (request.method !== "GET" || request.headers.upgrade?.toLowerCase() !== "websocket") return false;
    toOriginForm(request);
    try {
      const { path } = splitTarget(request);
      return this.#lazySockets.has(path) || this.#find(path)?.route.socket !== undefined;
    } catch {
      return false;
    }
  }

  /** Handles one WebSocket upgrade. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const abort = new AbortController();
    socket.once("close", () => abort.abort());
    socket.on("error", () => {});
    this.#sockets.track(socket);
    const { path, query } = splitTarget(request);
    let match: RouteMatch | undefined;
    let accepted: Promise<WebSocket> | undefined;
    const accept = () => (accepted ??= this.#sockets.accept(request, socket, head));
    try {
      match = this.#find(path) ?? (await this.#findLazy(path));
      if (!match?.route.socket) throw invalid("endpoint not found", 404);
      this.#guard.checkOrigin(request);
      if (match.guarded) this.#guard.checkToken(request, query.get("access_token") ?? undefined);
      query.delete("access_token");
      await match.route.socket({ request, params: match.params, query, signal: abort.signal, accept });
      if (!accepted) throw new Error("the handler of an upgrade neither accepted nor refused it");
    } catch (error) {
      if (socket.destroyed) return;
      const callerError = this.#toCallerError(request, error);
      if (!accepted && match?.route.socketRefusal !== "close") {
        socket.end(problemResponseText(callerError), () => socket.destroy());
        return;
      }
      const refused = accepted === undefined && callerError.statusCode < 500;
      const webSocket = await accept().catch(() => undefined);
      webSocket?.close(refused ? 1008 : 1011, `${callerError.group}.${callerError.code}`);
    }
  }

  /** Closes all WebSockets. The HTTP server closes the plain connections. */
  async close(): Promise<void> {
    await this.#sockets.close();
  }

  async #dispatch(match: RouteMatch, exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const { methods, socket } = match.route;
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
    // When a proxy strips the upgrade headers, report that instead of a wrong token.
    const isLostUpgrade = socket !== undefined && handler === undefined && method === "GET";
    const inQuery = isLostUpgrade ? exchange.query.get("access_token") : undefined;
    const password = match.route.acceptsBasicAuth ? basicAuthPassword(request) : undefined;
    if (match.guarded) this.#guard.checkToken(request, password ?? inQuery ?? undefined);
    if (!handler) {
      if (isLostUpgrade) throw invalid("this endpoint takes WebSocket upgrades only");
      response.setHeader("allow", allowedMethods(match.route));
      sendEmpty(response, 405);
      return;
    }
    await handler(exchange);
  }

  #recordRequest(
    request: IncomingMessage,
    response: ServerResponse,
    route: string,
    durationMs: number,
  ): void {
    const method = request.method ?? "";
    this.#metrics.recordResponse(route, method, response, durationMs);
    if (!this.#logRequests) return;
    this.#log.info("request answered", {
      method,
      route,
      status: response.statusCode,
      durationMs: Math.round(durationMs * 10) / 10,
      complete: response.writableFinished,
      ...(this.#logHeaders ? { headers: withoutCredentials(request.headers) } : {}),
    });
  }

  async #findLazy(path: string): Promise<RouteMatch | undefined> {
    for (const prefix of this.#lazyLoaders.keys()) {
      if (path !== prefix && !path.startsWith(`${prefix}/`)) continue;
      await this.#load(prefix);
      return this.#find(path);
    }
    return undefined;
  }

  #find(path: string): RouteMatch | undefined {
    const exact = this.#staticRoutes.get(path);
    if (exact) return exact;
    const segments = path.split("/").slice(1);
    for (const { segments: pattern, route, guarded } of this.#compiled) {
      const params = route.matchSubpaths ? matchSubpath(pattern, segments) : match(pattern, segments);
      if (params) return { params, route, guarded };
    }
    return undefined;
  }

  #sendFailure(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    send: NonNullable<Route["sendError"]> = sendProblem,
  ): void {
    if (response.destroyed) return;
    const callerError = this.#toCallerError(request, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // The rest of an unread body would be parsed as the next request.
    if (!request.complete) response.setHeader("connection", "close");
    send(response, callerError);
  }

  /** Returns the error for the caller. An unexpected one is logged, and replaced by an id that finds it in the log. */
  #toCallerError(request: IncomingMessage, error: unknown): HoldfastError {
    const callerError = isHoldfastError(error)
      ? error
      : sanitizeError(error, randomUUID(), (errorId, cause) =>
          this.#log.error("request failed", { errorId, method: request.method, cause: String(cause) }),
        );
    return callerError.group === "internal"
      ? problem("internal_error", 500, callerError.message)
      : callerError;
  }
}

/** A resource that supports GET also supports HEAD (RFC 9110, 9.1). */
function allowedMethods({ methods, socket }: Route): string {
  const gets = methods.GET !== undefined || socket !== undefined;
  const others = Object.keys(methods).filter((method) => method !== "GET");
  return [...(gets ? ["GET", "HEAD"] : []), ...others].join(", ");
}

/** Returns the password of HTTP basic authentication (RFC 7617). */
function basicAuthPassword(request: IncomingMessage): string | undefined {
  const encoded = /^basic +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
  const pair = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

function matchSubpath(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const params = match(pattern, segments.slice(0, pattern.length));
  return params && { ...params, below: segments.slice(pattern.length).join("/") };
}

function segmentMatches(part: string, segment: string): boolean {
  return part.startsWith(":") ? segment !== "" : part === segment;
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  // Most routes fail here, before anything is allocated.
  if (!pattern.every((part, index) => segmentMatches(part, segments[index] ?? ""))) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (!part.startsWith(":")) continue;
    const segment = segments[index] ?? "";
    try {
      params[part.slice(1)] = decodeURIComponent(segment);
    } catch {
      throw invalid(`the path segment "${segment}" is not percent-encoded UTF-8`);
    }
  }
  return params;
}

/** Headers for a log: those that carry credentials only by name. */
function withoutCredentials(headers: IncomingMessage["headers"]): Record<string, unknown> {
  const isSecret = (name: string) => /authorization|cookie|token|secret|key/.test(name);
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecret(name) ? "[hidden]" : value]),
  );
}
