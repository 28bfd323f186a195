/** Serves the inspector's static files. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Exchange } from "../http/exchange.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";

const contentTypes: Readonly<Record<string, string | undefined>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** No external resources, no inline code, no framing. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
} as const;

/**
 * Routes of the inspector. Its static files hold no secrets, so they need no token. Each request streams them from
 * disk, so they use no memory in between.
 */
export function uiRoutes(directory: string): readonly Route[] {
  const get = (exchange: Exchange) => sendFile(directory, exchange);
  return [{ path: "/ui", matchSubpaths: true, methods: { GET: get } }];
}

async function sendFile(directory: string, { request, response, params }: Exchange): Promise<void> {
  const path = params.below ?? "";
  const file = join(directory, fileFor(path));
  const size = await sizeOf(file);
  if (size === undefined) throw notFound(path);
  const compress = acceptsGzip(request);
  response.writeHead(200, {
    ...pageHeaders,
    "content-type": contentTypes[extname(file)] ?? "application/octet-stream",
    // Asset names contain a content hash; the page has a fixed name.
    "cache-control": path.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    vary: `${String(response.getHeader("vary") ?? "origin")}, accept-encoding`,
    ...(compress ? { "content-encoding": "gzip" } : { "content-length": size }),
  });
  if (request.method === "HEAD") response.end();
  else if (compress) await pipeline(createReadStream(file), createGzip(), response);
  else await pipeline(createReadStream(file), response);
}

/** The app routes on the client, so every path that is no file returns its page. */
function fileFor(asked: string): string {
  if (asked.startsWith("assets/")) {
    if (!/^assets\/[\w.-]+$/.test(asked)) throw notFound(asked);
    return asked;
  }
  return /^[\w-]+\.(js|svg)$/.test(asked) ? asked : "index.html";
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers["accept-encoding"];
  return typeof accepted === "string" && /\bgzip\b(?!\s*;\s*q=0(\.0*)?(,|$|\s))/i.test(accepted);
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

function notFound(asked: string): Error {
  return /^assets\/|\.(js|svg)$/.test(asked)
    ? invalid("endpoint not found", 404)
    : problem("ui_not_built", 503, 'The inspector is not built: run "npm run build"');
}
