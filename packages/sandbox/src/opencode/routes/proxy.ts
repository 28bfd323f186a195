import { pipeline } from "node:stream/promises";
import type { Exchange } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import type { Handler, Route } from "../../http/router.ts";

/** Headers that are of one connection, and the token, which is this server's. */
const own = new Set([
  "host",
  "connection",
  "authorization",
  "content-length",
  "transfer-encoding",
  "upgrade",
]);
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Hands what has no route here to an OpenCode server at `url`. */
export function forwardingRoute(url: string): Route {
  const base = url.replace(/\/+$/, "");
  const handler: Handler = (exchange) => forward(base, exchange);
  return {
    path: "/opencode",
    matchSubpaths: true,
    methods: Object.fromEntries(methods.map((method) => [method, handler])),
  };
}

async function forward(base: string, { request, response, params, query, signal }: Exchange): Promise<void> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (!own.has(name) && typeof value === "string") headers.set(name, value);
  }
  const method = request.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal, redirect: "manual" };
  if (hasBody) Object.assign(init, { body: request, duplex: "half" });
  let answer: Response;
  try {
    answer = await fetch(`${base}/${params.below ?? ""}${query.size === 0 ? "" : `?${query}`}`, init);
  } catch (error) {
    throw problem("stream_error", 502, `the OpenCode server at ${base} does not answer: ${String(error)}`);
  }
  // What is decoded on the way is not sent as if it were not.
  const kept = [...answer.headers].filter(
    ([name]) => !/^(content-(encoding|length)|connection|transfer-encoding)$/.test(name),
  );
  response.writeHead(answer.status, Object.fromEntries(kept));
  if (answer.body === null) response.end();
  else await pipeline(chunksOf(answer.body), response);
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}
