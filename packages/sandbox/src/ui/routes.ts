/** Serves the inspector's static files. */
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";
import type { Exchange } from "../http/exchange.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";

/** No external resources, no inline code, no framing. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "font-src 'self'; media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
  const file = await findStaticFile(directory, fileFor(path));
  if (file === undefined) throw notFound(path);
  // Asset names contain a content hash; the page has a fixed name.
  const caching = path.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  await sendStaticFile(request, response, file, { ...pageHeaders, "cache-control": caching }, { gzip: true });
}

/** The app routes on the client, so every path that is no file returns its page. */
function fileFor(path: string): string {
  if (path.startsWith("assets/")) {
    if (!/^assets\/[\w.-]+$/.test(path)) throw notFound(path);
    return path;
  }
  return /^[\w-]+\.(js|svg)$/.test(path) ? path : "index.html";
}

function notFound(path: string): Error {
  return /^assets\/|\.(js|svg)$/.test(path)
    ? invalid("endpoint not found", 404)
    : problem("ui_not_built", 503, 'The inspector is not built: run "npm run build"');
}
