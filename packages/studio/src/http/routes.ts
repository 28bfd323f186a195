import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import type { Access } from "./access.ts";
import { readBody } from "./read-body.ts";
import { proxyToSandbox, sandboxPath } from "./sandbox-proxy.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

const types: Readonly<Record<string, string | undefined>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
};

/** Nothing from elsewhere, nothing inline, no frame around it. */
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
  /** Folder of the inspector of sandbox servers, which shows the sandbox of a task too. */
  readonly inspectorDirectory: string;
  /** The way to the sandbox server of a task, while its agent is there. */
  readonly sandbox: (taskId: string) => Agent | undefined;
  /** Answers requests to webhooks of groups; there are none without it. */
  readonly webhook?: WebhookRoute;
  /** Takes answers to questions of the gate; none are taken so without it. */
  readonly approvalWebhook?: WebhookRoute;
  readonly log: Logger;
}

/**
 * What is neither an actor nor the health check: the web app, which holds nothing secret and so needs no
 * login, and the exchange of a ticket for a login. The gateway has checked Host and Origin before.
 */
export function createRoutes(
  options: RoutesOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      if (!isHoldfastError(error)) options.log.error("a request failed", { error });
      const known = isHoldfastError(error)
        ? error
        : new HoldfastError("internal", "internal_error", "An internal error occurred");
      response.writeHead(known.statusCode, {
        ...pageHeaders,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
      });
      response.end(JSON.stringify(toProblem(known)));
    });
  };
}

async function answer(
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
  const sandbox = sandboxPath(path);
  if (sandbox?.below.startsWith("/v1/")) {
    await options.access.owner({ header: (name) => headerOf(request, name) });
    return proxyToSandbox(options.sandbox(sandbox.taskId), sandbox.below, request, response);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new HoldfastError("gateway", "method_not_allowed", "Only GET is possible here");
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

function postOnly(request: IncomingMessage): void {
  if (request.method === "POST") return;
  throw new HoldfastError("gateway", "method_not_allowed", "Only POST is possible here");
}

async function exchange(
  options: RoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  postOnly(request);
  // A form of a foreign page can send text, but not this type without being asked for it first.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
  }
  const ticket = ticketOf((await readBody(request, maxBodyBytes)).toString("utf8"));
  const cookie = await options.access.exchange(ticket);
  response.writeHead(204, { "set-cookie": cookie, "cache-control": "no-store" });
  response.end();
}

/** A foreign page cannot send it: its requests come without the cookie. */
async function endLogin(
  options: RoutesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  postOnly(request);
  await options.access.end({ header: (name) => headerOf(request, name) });
  response.writeHead(204, { "cache-control": "no-store" });
  response.end();
}

function ticketOf(body: string): string {
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
    // Answered below, like every other body without a ticket.
  }
  throw new HoldfastError("message", "invalid", 'The body must be {"ticket": "..."}', { statusCode: 400 });
}

async function sendFile(
  directory: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = fileOf(directory, path);
  // The app has its own addresses; each of them is its one page.
  const file = extname(path) === "" ? join(directory, "index.html") : asked;
  const size = file === undefined ? undefined : await sizeOf(file);
  if (file === undefined || size === undefined) throw missing(path);
  const page = file.endsWith(".html");
  const hashed = path.startsWith("/assets/");
  response.writeHead(200, {
    ...pageHeaders,
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "content-length": size,
    "cache-control": page ? "no-store" : hashed ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(file), response);
}

/** Undefined for a path that leads out of the folder or cannot be read as one. */
function fileOf(directory: string, path: string): string | undefined {
  try {
    const file = normalize(join(directory, decodeURIComponent(path)));
    return file.startsWith(directory.endsWith(sep) ? directory : directory + sep) && !file.includes("\0")
      ? file
      : undefined;
  } catch {
    return undefined;
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

function missing(path: string): HoldfastError {
  return extname(path) === ""
    ? new HoldfastError("web", "not_built", 'The web app is not built: run "npm run build"', {
        statusCode: 503,
      })
    : new HoldfastError("gateway", "not_found", "There is nothing at this address");
}
