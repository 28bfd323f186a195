import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isHoldfastError, type Logger, sanitizeError } from "@holdfast/core";
import type { Exchange } from "./exchange.ts";
import { sendEmpty } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import { invalid, problem, sendProblem } from "./problem.ts";

export type Handler = (exchange: Exchange) => Promise<void> | void;

/** One path, as segments; a segment that starts with ":" is a parameter. */
export interface Route {
  readonly path: string;
  readonly methods: Readonly<Record<string, Handler>>;
}

interface Compiled {
  readonly segments: readonly string[];
  readonly methods: Readonly<Record<string, Handler>>;
}

/** Dispatches requests: unknown path first (404), then guard, then method, then the handler. */
export class Router {
  readonly #routes: readonly Compiled[];
  readonly #guard: Guard;
  readonly #log: Logger;

  constructor(routes: readonly Route[], guard: Guard, log: Logger) {
    this.#routes = routes.map((route) => ({
      segments: route.path.split("/").slice(1),
      methods: route.methods,
    }));
    this.#guard = guard;
    this.#log = log;
  }

  /** Answers one request; it never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    // A socket that fails while we answer is the client's affair; "close" follows and aborts.
    response.on("error", () => {});
    try {
      await this.#dispatch(request, response, gone.signal);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const target = request.url ?? "/";
    const cut = target.indexOf("?");
    const path = cut === -1 ? target : target.slice(0, cut);
    this.#guard.checkOrigin(request, response);
    const found = this.#find(path);
    if (!found) throw invalid(`unknown endpoint ${path}`, 404);
    if (request.method === "OPTIONS") {
      sendEmpty(response, 200);
      return;
    }
    if (found.guarded) this.#guard.checkToken(request);
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const handler = Object.hasOwn(found.methods, method) ? found.methods[method] : undefined;
    if (!handler) {
      response.setHeader("allow", Object.keys(found.methods).join(", "));
      sendEmpty(response, 405);
      return;
    }
    const query = new URLSearchParams(cut === -1 ? "" : target.slice(cut + 1));
    await handler({ request, response, params: found.params, query, signal });
  }

  #find(path: string) {
    const segments = path.split("/").slice(1);
    for (const route of this.#routes) {
      const params = match(route.segments, segments);
      if (params) return { params, methods: route.methods, guarded: segments[0] === "v1" };
    }
    return undefined;
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return;
    const known = isHoldfastError(error)
      ? error
      : sanitizeError(error, randomUUID(), (errorId, cause) =>
          this.#log.error("request failed", { errorId, method: request.method, cause: String(cause) }),
        );
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What is left of an unread body would be taken for the next request.
    if (!request.complete) response.setHeader("connection", "close");
    const internal = known.group === "internal" ? problem("internal_error", 500, known.message) : known;
    sendProblem(response, internal);
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
      continue;
    }
    if (segment === "") return undefined;
    try {
      params[part.slice(1)] = decodeURIComponent(segment);
    } catch {
      throw invalid(`the path segment "${segment}" is not percent-encoded UTF-8`);
    }
  }
  return params;
}
