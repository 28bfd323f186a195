import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";
import type { SandboxRoute } from "../cluster/other-nodes.ts";
import type { Access } from "./access.ts";
import { readBody } from "./read-body.ts";
import { parseSandboxPath, proxyToSandbox } from "./sandbox-proxy.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

/** Security headers: no foreign resources, no inline code, no framing. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
} as const;

export interface RoutesOptions {
  readonly access: Access;
  /** Folder of the built web app. */
  readonly webDirectory: string;
  /** Folder of the sandbox inspector, which also shows the sandbox of a task. */
  readonly inspectorDirectory: string;
  /** The way to a task's sandbox server, while its agent runs. */
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  /** Handles webhooks of groups. Without it there are none. */
  readonly webhook?: WebhookRoute;
  /** Handles answers to questions of the gate. Without it there is no such route. */
  readonly approvalWebhook?: WebhookRoute;
  readonly log: Logger;
}

/**
 * The Studio's own routes beside the actors and the health check. The web app is public, because it contains no
 * secrets. The gateway has already checked Host and Origin.
 */
export function createRoutes(
  options: RoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    handle(options, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      if (!isHoldfastError(error)) options.log.error("a request failed", { error });
      const problem = isHoldfastError(error)
        ? error
        : new HoldfastError("internal", "internal_error", "An internal error occurred");
      response.writeHead(problem.statusCode, {
        ...pageHeaders,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
      });
      response.end(JSON.stringify(toProblem(problem)));
    });
  };
}

async function handle(
  options: RoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  if (path === "/auth/exchange") return exchange(options, request, response);
  if (path === "/auth/end") return endLogin(options, request, response);
  if (path.startsWith("/hooks/") && options.webhook !== undefined)
    return options.webhook(path, request, response);
  if (path.startsWith("/approvals/") && options.approvalWebhook !== undefined)
    return options.approvalWebhook(path, request, response);
  const sandbox = parseSandboxPath(path);
  if (sandbox?.subpath.startsWith("/v1/")) {
    await options.access.requireLogin({ header: (name) => headerOf(request, name) });
    return proxyToSandbox(options.sandbox(sandbox.taskId), sandbox.subpath, request, response);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HoldfastError("gateway", "method_not_allowed", "This address supports only GET");
  }
  const { inspectorDirectory, webDirectory } = options;
  if (sandbox !== undefined) await sendFile(inspectorDirectory, "/", request, response);
  else if (/^\/ui\/.*\.\w+$/.test(path)) await sendFile(inspectorDirectory, path.slice(3), request, response);
  else await sendFile(webDirectory, path, request, response);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(", ") : value;
}

function requirePost(request: IncomingMessage): void {
  if (request.method === "POST") return;
  throw new HoldfastError("gateway", "method_not_allowed", "This address supports only POST");
}

async function exchange(
  options: RoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  requirePost(request);
  // CSRF protection: a foreign page's form cannot send this type without a preflight.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
  }
  const ticket = parseTicket((await readBody(request, maxBodyBytes)).toString("utf8"));
  const cookie = await options.access.exchange(ticket);
  response.writeHead(204, { "set-cookie": cookie, "cache-control": "no-store" });
  response.end();
}

/** Signs out. Safe from CSRF: requests of a foreign page lack the SameSite cookie. */
async function endLogin(
  options: RoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  requirePost(request);
  await options.access.endLogin({ header: (name) => headerOf(request, name) });
  response.writeHead(204, { "cache-control": "no-store" });
  response.end();
}

function parseTicket(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    if (
      typeof value === "object" &&
      value !== null &&
      "ticket" in value &&
      typeof value.ticket === "string"
    ) {
      return value.ticket;
    }
  } catch {
    // Invalid JSON is reported below, like any other invalid body.
  }
  throw new HoldfastError("message", "invalid", 'The body must be {"ticket": "..."}', { statusCode: 400 });
}

async function sendFile(
  directory: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Paths without an extension are client-side routes of the single-page app.
  const isPage = extname(path) === "";
  const file = await findStaticFile(directory, isPage ? "/index.html" : path);
  if (file === undefined) throw notFound(path);
  const isContentHashed = path.startsWith("/assets/");
  const caching = isContentHashed ? "public, max-age=31536000, immutable" : "no-cache";
  await sendStaticFile(request, response, file, {
    ...pageHeaders,
    "cache-control": file.path.endsWith(".html") ? "no-store" : caching,
  });
}

function notFound(path: string): HoldfastError {
  return extname(path) === ""
    ? new HoldfastError("web", "not_built", 'The web app has not been built. Run "npm run build".', {
        statusCode: 503,
      })
    : new HoldfastError("gateway", "not_found", "There is nothing at this address");
}
