import { type Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "@holdfast/core";

/**
 * What of a task's sandbox its owner may reach: processes and files. Sessions and permissions of the
 * agent belong to the task, whose own log and approvals they would go around.
 */
const open = /^\/v1\/(health|processes|processes\/.+|fs\/.+)$/;

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
 * What answers is in a jail with an agent, and may be the agent: its word has the Studio's origin, so
 * that nothing in it may become a page, a script or a cookie.
 */
const harmless = {
  "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

export interface SandboxPath {
  readonly taskId: string;
  /** From its first slash on. */
  readonly below: string;
}

/** The parts of `/tasks/ID/sandbox/...`; undefined for other paths. */
export function sandboxPath(path: string): SandboxPath | undefined {
  const [, taskId, below] = /^\/tasks\/([\w-]+)\/sandbox(\/.*)$/.exec(path) ?? [];
  return taskId === undefined || below === undefined ? undefined : { taskId, below };
}

/**
 * Hands a request on to the sandbox server of a task. The caller has checked who asks. Throws
 * `task.sandbox_not_running` where there is none, and `gateway.not_found` for what is not to be reached.
 */
export async function proxyToSandbox(
  agent: Agent | undefined,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!open.test(path)) throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  if (agent === undefined) throw sandboxNotRunning();
  const url = request.url ?? "";
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const answer = await ask(agent, `${path}${query}`, request, response);
  response.writeHead(answer.statusCode ?? 502, {
    ...pickHeaders(answer, responseHeaders),
    ...harmless,
  });
  await pipeline(answer, response);
}

async function ask(
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
  // Whoever goes away takes what follows or watches in the sandbox along.
  response.once("close", () => outgoing.destroy());
  // A body that breaks off breaks the request too; what became of it is told by the answer or its absence.
  pipeline(request, outgoing).catch(() => outgoing.destroy());
  return await answered.promise;
}

/** Of the headers of a message those with these names. */
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
    "The sandbox of this task is there while its agent is: it comes back with the next prompt",
    { statusCode: 409, cause },
  );
}
