/** Static files for Node servers. The rest of this package has no Node imports, so that it works in browsers. */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CompressedFiles, type CompressibleFile } from "./compressed-files.ts";

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** File that may be served, its links resolved. */
export type StaticFile = CompressibleFile;

/** Of files before compression, in bytes. A page of the Studio has 3 MB. */
const compressed = new CompressedFiles(16 * 1024 * 1024);

/**
 * Finds the file of a URL path below `directory`. Undefined if there is none, if a segment begins with a dot, if the
 * path is malformed, or if links lead out of the directory.
 */
export async function findStaticFile(directory: string, urlPath: string): Promise<StaticFile | undefined> {
  const name = decode(urlPath);
  if (name === undefined) return undefined;
  try {
    const root = await realpath(directory);
    const path = await realpath(join(root, name));
    if (!path.startsWith(root + sep)) return undefined;
    const found = await stat(path);
    return found.isFile() ? { path, size: found.size, changedAt: found.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

function decode(urlPath: string): string | undefined {
  try {
    const path = decodeURIComponent(urlPath);
    return /[\0\\]/.test(path) || path.split("/").some((part) => part.startsWith(".")) ? undefined : path;
  } catch {
    return undefined;
  }
}

/**
 * Sends a file with status 200 and the content type of its name; without the body for HEAD. Streams it from disk; with
 * `gzip` when the client accepts it, for which small files are compressed once. A client that disconnects early is no
 * error.
 */
export async function sendStaticFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: StaticFile,
  headers: OutgoingHttpHeaders,
  { gzip = false }: { readonly gzip?: boolean } = {},
): Promise<void> {
  const isCompressed = gzip && acceptsGzip(request);
  const kept = isCompressed ? await compressed.get(file)?.catch(() => undefined) : undefined;
  const length = isCompressed ? kept?.byteLength : file.size;
  response.writeHead(200, {
    ...headers,
    "content-type": contentTypes[extname(file.path).toLowerCase()] ?? "application/octet-stream",
    "x-content-type-options": "nosniff",
    ...(gzip ? { vary: `${String(response.getHeader("vary") ?? "origin")}, accept-encoding` } : {}),
    ...(isCompressed ? { "content-encoding": "gzip" } : {}),
    ...(length === undefined ? {} : { "content-length": length }),
  });
  if (request.method === "HEAD" || kept !== undefined) {
    response.end(request.method === "HEAD" ? undefined : kept);
    return;
  }
  const raw = createReadStream(file.path);
  const sent = isCompressed ? pipeline(raw, createGzip(), response) : pipeline(raw, response);
  await sent.catch(() => response.destroy());
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers["accept-encoding"];
  return typeof accepted === "string" && /\bgzip\b(?!\s*;\s*q=0(\.0*)?(,|$|\s))/i.test(accepted);
}
