import type { IncomingMessage, ServerResponse } from "node:http";
import { decodedHeaders, HoldfastError, type Ports } from "@holdfast/core";
import { replyError, urlOf, visibleError } from "./http/exchange.ts";
import { NodeExchange } from "./http/node-exchange.ts";
import { serveFile } from "./http/static-files.ts";
import { routeNotFound } from "./route.ts";

/** An application based on `Request` and `Response`, such as one made with Hono. */
export interface FetchApplication {
  fetch(request: Request): Response | Promise<Response>;
}

export interface FallbackHandlers {
  /** Files to serve. */
  readonly publicDir?: string | undefined;
  readonly application?: FetchApplication | undefined;
}

/** Serves all other paths: files first, then the application. */
export function serveFallback(
  { publicDir, application }: FallbackHandlers,
  ports: Ports,
): (request: IncomingMessage, response: ServerResponse) => void {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (publicDir !== undefined && (await serveFile(publicDir, request, response))) return;
    const exchange = new NodeExchange(request, response);
    try {
      if (application === undefined) throw routeNotFound();
      const gone = new AbortController();
      exchange.onGone(() =>
        gone.abort(new HoldfastError("action", "aborted", "The client has disconnected")),
      );
      const url = urlOf(exchange.header("host"), exchange.url);
      const asked = exchange.request(url, gone.signal, Number.POSITIVE_INFINITY);
      exchange.replyWith(asRead(await application.fetch(asked)), {});
    } catch (error) {
      replyError(exchange, visibleError(error, ports), {});
    }
  };
  return (request, response) => void serve(request, response);
}

/** An application may return a fetched response, whose headers describe the bytes before decoding. */
function asRead(answer: Response): Response {
  const headers = decodedHeaders(answer);
  if (headers === answer.headers) return answer;
  const { body, status, statusText } = answer;
  return new Response(body, { status, statusText, headers });
}
