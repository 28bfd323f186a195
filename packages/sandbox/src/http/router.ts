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
import { Query } from "./query.ts";
import { type SocketExchange, Sockets } from "./sockets.ts";

export type Handler = (exchange: Exchange) => Promise<void> | void;

/** One path, as segments; a segment that starts with ":" is a parameter. */
export interface Route {
  readonly path: string;
  /** Takes every path below it too: the parameter `below` is what follows, as it was sent. */
  readonly below?: boolean;
  readonly methods: Readonly<Record<string, Handler>>;
  /** Whether the token is asked for; by default under `/v1/`. */
  readonly guarded?: boolean;
  /** The token may be the password of HTTP's basic scheme too: for clients that know no other. */
  readonly takesPassword?: boolean;
  /** How an error is told of a route whose clients know no problem documents. */
  readonly sendError?: (response: ServerResponse, error: HoldfastError) => void;
  /** Takes WebSocket upgrades of the path; a plain GET of it is answered by `methods`, else with 400. */
  readonly socket?: (exchange: SocketExchange) => void | Promise<void>;
  /**
   * How an upgrade is refused that the guard or the handler does not accept: "http", the default,
   * answers the request with a problem document, as the peer does; "close" accepts it, and closes with
   * 1008 (a refusal) or 1011 (a failure) and `group.code`, which is all that a browser can see.
   */
  readonly socketRefusal?: "http" | "close";
}

/** Routes of which a server that nobody asks for them keeps nothing; WebSockets are not among them. */
export interface LateRoutes {
  /** What all their paths begin with, of one segment or more: "/name". */
  readonly prefix: string;
  readonly load: () => Promise<readonly Route[]>;
}

interface Compiled {
  readonly segments: readonly string[];
  readonly route: Route;
  readonly guarded: boolean;
}

interface Found {
  readonly route: Route;
  readonly guarded: boolean;
  readonly params: Readonly<Record<string, string>>;
}

export interface RouterOptions {
  readonly guard: Guard;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly logRequests?: boolean;
  readonly late?: readonly LateRoutes[];
}

/**
 * A class, since its signal is made on demand: in an object literal, a getter would be a closure, and the
 * engine a hidden class of its own for each request, which keeps the request in memory until a full collection.
 */
class RoutedExchange implements Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly #departure: ClientGone;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    params: Readonly<Record<string, string>>,
    query: Query,
    departure: ClientGone,
  ) {
    this.request = request;
    this.response = response;
    this.params = params;
    this.query = query;
    this.#departure = departure;
  }

  get signal(): AbortSignal {
    return this.#departure.signal;
  }
}

/** The label of what no route matched. */
const unknownRoute = "unknown";

/** Dispatches requests: unknown path first (404), then guard, then method, then the handler. */
export class Router {
  readonly #compiled: Compiled[] = [];
  readonly #late: Map<string, () => Promise<readonly Route[]>>;
  readonly #loading = new Map<string, Promise<void>>();
  /** Paths without parameters, which a path has to equal. */
  readonly #plain = new Map<string, Found>();
  readonly #guard: Guard;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #logRequests: boolean;
  readonly #sockets = new Sockets();
  readonly #active = new Set<Promise<void>>();

  constructor(routes: readonly Route[], options: RouterOptions) {
    this.#add(routes);
    this.#late = new Map(options.late?.map(({ prefix, load }) => [prefix, load]));
    this.#guard = options.guard;
    this.#log = options.log;
    this.#metrics = options.metrics;
    this.#logRequests = options.logRequests ?? false;
    this.#metrics.gauge(
      "holdfast_sandbox_websockets_open",
      "WebSockets that are open",
      () => this.#sockets.size,
    );
  }

  /** All routes, those that are loaded late included. */
  async allRoutes(): Promise<readonly Route[]> {
    for (const prefix of this.#late.keys()) await this.#load(prefix);
    return this.#compiled.map(({ route }) => route);
  }

  #add(routes: readonly Route[]): void {
    for (const route of routes) {
      const segments = route.path.split("/").slice(1);
      const guarded = route.guarded ?? route.path.startsWith("/v1/");
      this.#compiled.push({ segments, route, guarded });
      if (route.below || segments.some((segment) => segment.startsWith(":"))) continue;
      this.#plain.set(route.path, { route, guarded, params: {} });
    }
  }

  async #load(prefix: string): Promise<void> {
    const load = this.#late.get(prefix);
    if (!load) return;
    const known = this.#loading.get(prefix);
    const loading = known ?? load().then((routes) => this.#add(routes));
    this.#loading.set(prefix, loading);
    try {
      await loading;
      this.#late.delete(prefix);
    } finally {
      this.#loading.delete(prefix);
    }
  }

  /** Answers one request; it never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answering = this.#handle(request, response).finally(() => this.#active.delete(answering));
    this.#active.add(answering);
    return answering;
  }

  /** Resolves when no handler of a plain request runs any more, or after `patienceMs`. */
  async idle(patienceMs: number): Promise<void> {
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, patienceMs);
    await Promise.race([Promise.all(this.#active), patience.promise]);
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    toOriginForm(request);
    const departure = new ClientGone();
    const started = performance.now();
    let route = unknownRoute;
    let found: Found | undefined;
    this.#metrics.inFlight += 1;
    response.once("close", () => {
      departure.tell(response.writableFinished);
      this.#metrics.inFlight -= 1;
      this.#count(request, response, route, performance.now() - started);
    });
    // A socket that fails while we answer is the client's affair; "close" follows and aborts.
    response.on("error", () => {});
    try {
      const target = splitTarget(request);
      this.#guard.checkOrigin(request, response);
      found = this.#find(target.path) ?? (await this.#findLate(target.path));
      if (request.method === "OPTIONS") {
        if (found) response.setHeader("allow", allowedOf(found.route));
        sendEmpty(response, 200);
        return;
      }
      if (!found) throw invalid("endpoint not found", 404);
      route = found.route.path;
      await this.#dispatch(
        found,
        new RoutedExchange(request, response, found.params, target.query, departure),
      );
    } catch (error) {
      this.#fail(request, response, error, found?.route.sendError);
    }
  }

  /** Whether a request is an upgrade for {@link upgrade}; every other one is a plain request. */
  takesUpgrade(request: IncomingMessage): boolean {
    if (request.method !== "GET" || request.headers.upgrade?.toLowerCase() !== "websocket") return false;
    toOriginForm(request);
    try {
      return this.#find(splitTarget(request).path)?.route.socket !== undefined;
    } catch {
      return false;
    }
  }

  /** Serves one WebSocket upgrade; it never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    socket.on("error", () => {});
    this.#sockets.track(socket);
    const { path, query } = splitTarget(request);
    const found = this.#find(path);
    let accepted: Promise<WebSocket> | undefined;
    const accept = () => (accepted ??= this.#sockets.accept(request, socket, head));
    try {
      if (!found?.route.socket) throw invalid("endpoint not found", 404);
      this.#guard.checkOrigin(request);
      if (found.guarded) this.#guard.checkToken(request, query.get("access_token") ?? undefined);
      query.delete("access_token");
      await found.route.socket({ request, params: found.params, query, signal: gone.signal, accept });
      if (!accepted) throw new Error("the handler of an upgrade neither accepted nor refused it");
    } catch (error) {
      if (socket.destroyed) return;
      const known = this.#known(request, error);
      if (!accepted && found?.route.socketRefusal !== "close") {
        socket.end(problemResponseText(known), () => socket.destroy());
        return;
      }
      const refused = accepted === undefined && known.statusCode < 500;
      const webSocket = await accept().catch(() => undefined);
      webSocket?.close(refused ? 1008 : 1011, `${known.group}.${known.code}`);
    }
  }

  /** Closes all WebSockets; the plain requests are the HTTP server's. */
  async close(): Promise<void> {
    await this.#sockets.close();
  }

  async #dispatch(found: Found, exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const { methods, socket } = found.route;
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
    // A GET that lost its upgrade on the way is told so, and not that its token was wrong.
    const isLostUpgrade = socket !== undefined && handler === undefined && method === "GET";
    const inQuery = isLostUpgrade ? exchange.query.get("access_token") : undefined;
    const password = found.route.takesPassword ? passwordOf(request) : undefined;
    if (found.guarded) this.#guard.checkToken(request, password ?? inQuery ?? undefined);
    if (!handler) {
      if (isLostUpgrade) throw invalid("this endpoint takes WebSocket upgrades only");
      response.setHeader("allow", allowedOf(found.route));
      sendEmpty(response, 405);
      return;
    }
    await handler(exchange);
  }

  #count(request: IncomingMessage, response: ServerResponse, route: string, durationMs: number): void {
    const method = request.method ?? "";
    this.#metrics.answered(route, method, response, durationMs);
    if (!this.#logRequests) return;
    this.#log.info("request answered", {
      method,
      route,
      status: response.statusCode,
      durationMs: Math.round(durationMs * 10) / 10,
      complete: response.writableFinished,
    });
  }

  async #findLate(path: string): Promise<Found | undefined> {
    for (const prefix of this.#late.keys()) {
      if (path !== prefix && !path.startsWith(`${prefix}/`)) continue;
      await this.#load(prefix);
      return this.#find(path);
    }
    return undefined;
  }

  #find(path: string): Found | undefined {
    const plain = this.#plain.get(path);
    if (plain) return plain;
    const segments = path.split("/").slice(1);
    for (const { segments: pattern, route, guarded } of this.#compiled) {
      const params = route.below ? matchBelow(pattern, segments) : match(pattern, segments);
      if (params) return { params, route, guarded };
    }
    return undefined;
  }

  #fail(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    send: NonNullable<Route["sendError"]> = sendProblem,
  ): void {
    if (response.destroyed) return;
    const known = this.#known(request, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What is left of an unread body would be taken for the next request.
    if (!request.complete) response.setHeader("connection", "close");
    send(response, known);
  }

  /** What the caller is told of an error: what was thrown for it, else an id that finds it in the log. */
  #known(request: IncomingMessage, error: unknown): HoldfastError {
    const known = isHoldfastError(error)
      ? error
      : sanitizeError(error, randomUUID(), (errorId, cause) =>
          this.#log.error("request failed", { errorId, method: request.method, cause: String(cause) }),
        );
    return known.group === "internal" ? problem("internal_error", 500, known.message) : known;
  }
}

/** RFC 9110, 10.2.1: who serves GET serves HEAD. */
function allowedOf({ methods, socket }: Route): string {
  const gets = methods.GET !== undefined || socket !== undefined;
  const others = Object.keys(methods).filter((method) => method !== "GET");
  return [...(gets ? ["GET", "HEAD"] : []), ...others].join(", ");
}

/** The password of HTTP's basic scheme (RFC 7617). */
function passwordOf(request: IncomingMessage): string | undefined {
  const encoded = /^basic +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
  const pair = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

/**
 * A target may be a whole URL, as clients write it that take this server for a proxy; its authority
 * then counts in the place of the Host header. Source: RFC 9112, section 3.2.2.
 */
function toOriginForm(request: IncomingMessage): void {
  const [prefix, authority] = /^https?:\/\/([^/?#]+)/i.exec(request.url ?? "") ?? [];
  if (prefix === undefined || authority === undefined) return;
  const rest = request.url?.slice(prefix.length) ?? "";
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  request.headers.host = authority;
}

function splitTarget(request: IncomingMessage): { readonly path: string; readonly query: Query } {
  const target = request.url ?? "/";
  const cut = target.indexOf("?");
  if (cut === -1) return { path: target, query: new Query() };
  return { path: target.slice(0, cut), query: new Query(target.slice(cut + 1)) };
}

function matchBelow(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const params = match(pattern, segments.slice(0, pattern.length));
  return params && { ...params, below: segments.slice(pattern.length).join("/") };
}

function fits(part: string, segment: string): boolean {
  return part.startsWith(":") ? segment !== "" : part === segment;
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  // Most routes end here, and make nothing.
  if (!pattern.every((part, index) => fits(part, segments[index] ?? ""))) return undefined;
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
