import { type Agent, request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import type { Guard } from "../access/guard.ts";
import type { SandboxRoute } from "../cluster/other-nodes.ts";
import { endWith, headersOf, matchRoute } from "./router.ts";
import { pickHeaders, sandboxNotRunning } from "./sandbox-proxy.ts";

const handshakeHeaders = [
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
] as const;

const responseHeaders = [
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
] as const;

export interface SandboxUpgradeOptions {
  readonly guard: Guard;
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  /** The way to the sandbox on the failed step of an environment. */
  readonly failedStep: (environment: string) => Promise<SandboxRoute | undefined>;
  readonly log: Logger;
}

/**
 * Handles WebSocket upgrades to the terminals and the desktop of a task's sandbox, and to those on failed steps. The gateway has already checked Host and Origin.
 * Throws `gateway.not_found` for other paths, so that the gateway rejects those itself. Other errors become HTTP
 * responses like those of the HTTP route.
 */
export function createSandboxUpgrade(
  options: SandboxUpgradeOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
    const { name, params } = matchRoute("UPGRADE", pathname);
    const { task = "", process, environment } = params;
    // Ignore errors of the browser's socket: the upstream connection closes with it.
    socket.on("error", () => {});
    const connect = async (): Promise<void> => {
      const mark = options.guard.mark();
      const person = await options.guard.authorizeRoute(name, headersOf(request), params);
      endWith(options.guard.signalSince(person, mark), socket);
      const route = environment === undefined ? options.sandbox(task) : await options.failedStep(environment);
      if (route === undefined) throw environment === undefined ? sandboxNotRunning() : stepSandboxEnded();
      const path =
        process === undefined
          ? desktopStreamPath(search, await options.guard.hasRole(person, "member", task))
          : `/v1/processes/${process}/terminal/ws${search}`;
      await connectToSandbox(route, path, request, socket, head);
    };
    connect().catch((error: unknown) => {
      if (!isHoldfastError(error)) options.log.error("could not connect to a sandbox", { error });
      sendUpgradeError(socket, isHoldfastError(error) ? error : sandboxNotRunning(error));
    });
  };
}

export function stepSandboxEnded(): HoldfastError {
  const message = "The sandbox of this failed step has ended. Open another terminal.";
  return new HoldfastError("environment", "sandbox_ended", message, { statusCode: 409 });
}

/** The stream of the desktop. Whoever may not use it looks only, whatever the query asks for. */
export function desktopStreamPath(search: string, mayUse: boolean): string {
  const viewOnly = !mayUse || new URLSearchParams(search).get("viewOnly") === "true";
  return `/v1/desktop/stream/signaling?viewOnly=${viewOnly}`;
}

/** Connects a WebSocket with a terminal or the desktop of a sandbox, until either ends. */
export async function connectToSandbox(
  { agent, prefix, hold }: SandboxRoute,
  path: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { response, upstream, firstBytes } = await handshake(agent, `${prefix}${path}`, request, socket);
  if (socket.destroyed) {
    upstream.destroy();
    return;
  }
  const lines = Object.entries(pickHeaders(response, responseHeaders)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(
    ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: upgrade", ...lines, "", ""].join(
      "\r\n",
    ),
  );
  socket.write(firstBytes);
  upstream.write(head);
  const release = hold?.();
  // Either end closes the other. The WebSocket frames carry the close reason.
  await Promise.allSettled([pipeline(socket, upstream), pipeline(upstream, socket)]);
  release?.();
}

interface Handshake {
  readonly response: IncomingMessage;
  readonly upstream: Duplex;
  /** The first bytes after the response's headers. */
  readonly firstBytes: Buffer;
}

async function handshake(
  agent: Agent,
  path: string,
  request: IncomingMessage,
  socket: Duplex,
): Promise<Handshake> {
  const result = Promise.withResolvers<Handshake>();
  const outgoing = httpRequest({
    agent,
    host: "sandbox",
    path,
    headers: {
      ...pickHeaders(request, handshakeHeaders),
      host: "localhost",
      connection: "Upgrade",
      upgrade: "websocket",
    },
  });
  outgoing.once("upgrade", (response, upstream, firstBytes) => {
    upstream.on("error", () => {});
    result.resolve({ response, upstream, firstBytes });
  });
  outgoing.once("response", (response) => {
    response.resume();
    const statusCode = response.statusCode ?? 502;
    const reason = STATUS_CODES[statusCode] ?? "Refused";
    result.reject(
      new HoldfastError("task", "terminal_refused", `The sandbox refused the connection: ${reason}`, {
        statusCode,
      }),
    );
  });
  outgoing.once("error", (cause) => result.reject(sandboxNotRunning(cause)));
  socket.once("close", () => outgoing.destroy());
  outgoing.end();
  return await result.promise;
}

/** Refuses an upgrade with a problem. */
export function sendUpgradeError(socket: Duplex, error: HoldfastError): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(toProblem(error));
  socket.end(
    [
      `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode] ?? "Error"}`,
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "connection: close",
      "",
      body,
    ].join("\r\n"),
    () => socket.destroy(),
  );
}
