import { type Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";
import type { SandboxRoute } from "../cluster/other-nodes.ts";

/**
 * Allow-list of the sandbox API: processes, the ports that they listen on, files and the desktop. Sessions and
 * permissions of the agent are excluded, because they would bypass the task's own log and approvals.
 */
const allowedPaths = /^\/v1\/(health|processes|processes\/.+|ports|fs\/.+|desktop\/.+)$/;

const requestHeaders = [
  "accept",
  "content-type",
  "content-length",
  "if-match",
  "if-none-match",
  "if-range",
  "range",
  "last-event-id",
] as const;

const responseHeaders = [
  "content-type",
  "content-length",
  "content-range",
  "accept-ranges",
  "etag",
  "last-modified",
] as const;

/**
 * The response comes from a jail, possibly from the agent itself, but gets the Studio's origin. These headers prevent
 * it from acting as a page, a script or a cookie.
 */
const hardeningHeaders = {
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

/**
 * Forwards a request to a task's sandbox server. The caller has authenticated the client. Throws
 * `task.sandbox_not_running`, and `gateway.not_found` for a path that is not allowed.
 */
export async function proxyToSandbox(
  route: SandboxRoute | undefined,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!allowedPaths.test(path))
    throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  if (route === undefined) throw sandboxNotRunning();
  const url = request.url ?? "";
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const upstream = await forward(route.agent, `${route.prefix}${path}${query}`, request, response);
  response.writeHead(upstream.statusCode ?? 502, {
    ...pickHeaders(upstream, responseHeaders),
    ...hardeningHeaders,
  });
  await pipeline(upstream, response);
}

async function forward(
  agent: Agent,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage> {
  const answered = Promise.withResolvers<IncomingMessage>();
  const outgoing = httpRequest({
    agent,
    host: "sandbox",
    path,
    method: request.method,
    headers: { ...pickHeaders(request, requestHeaders), host: "localhost" },
  });
  outgoing.once("response", answered.resolve);
  outgoing.once("error", (cause) => answered.reject(sandboxNotRunning(cause)));
  // When the client disconnects, abort its request in the sandbox as well.
  response.once("close", () => outgoing.destroy());
  // An incomplete body aborts the request. The response, or its absence, reports the result.
  pipeline(request, outgoing).catch(() => outgoing.destroy());
  return await answered.promise;
}

/** Returns the headers with these names. */
export function pickHeaders(message: IncomingMessage, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = message.headers[name];
    if (typeof value === "string") picked[name] = value;
  }
  return picked;
}

export function sandboxNotRunning(cause?: unknown): HoldfastError {
  return new HoldfastError(
    "task",
    "sandbox_not_running",
    "The sandbox of this task runs only while its agent does. Send a prompt to start it again.",
    { statusCode: 409, cause },
  );
}
