import type { IncomingMessage, ServerResponse } from "node:http";
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";

/**
 * Answers with a file below `directory`, or with the `index.html` of a folder for a path that ends with a slash.
 * Returns false without answering if there is none. Files whose names begin with a dot, and links that lead out of the
 * directory, are never served.
 */
export async function serveFile(
  directory: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const file = await findStaticFile(directory, path.endsWith("/") ? `${path}index.html` : path);
  if (file === undefined) return false;
  await sendStaticFile(request, response, file, { "cache-control": "no-cache" });
  return true;
}
