import { pipeline } from "node:stream/promises";
import type { Exchange } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import type { Handler, Route } from "../../http/router.ts";

/** Headers that are not forwarded: hop-by-hop headers, and the token, which is for this server. */
const unforwardedHeaders = new Set([
  "host",
  "connection",
  "authorization",
  "content-length",
  "transfer-encoding",
  "upgrade",
]);
const proxiedMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Proxies requests without a route here to the OpenCode server at `url`. */
export function proxyRoute(url: string): Route {
  const base = url.replace(/\/+$/, "");
  const handler: Handler = (exchange) => forward(base, exchange);
  return {
    path: "/opencode",
    matchSubpaths: true,
    methods: Object.fromEntries(proxiedMethods.map((method) => [method, handler])),
  };
}

async function forward(base: string, { request, response, params, query, signal }: Exchange): Promise<void> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (!unforwardedHeaders.has(name) && typeof value === "string") headers.set(name, value);
  }
  const method = request.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal, redirect: "manual" };
  if (hasBody) Object.assign(init, { body: request, duplex: "half" });
  let upstream: Response;
  try {
    upstream = await fetch(`${base}/${params.below ?? ""}${query.size === 0 ? "" : `?${query}`}`, init);
  } catch (error) {
    throw problem("stream_error", 502, `the OpenCode server at ${base} is not reachable: ${String(error)}`);
  }
  // fetch decodes the body, so its encoding and length no longer apply.
  const responseHeaders = [...upstream.headers].filter(
    ([name]) => !/^(content-(encoding|length)|connection|transfer-encoding)$/.test(name),
  );
  response.writeHead(upstream.status, Object.fromEntries(responseHeaders));
  if (upstream.body === null) response.end();
  else await pipeline(chunksOf(upstream.body), response);
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}
