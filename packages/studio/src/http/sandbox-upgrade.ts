import { type Agent, request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError, isHoldfastError, type Logger, toProblem } from "@holdfast/core";
import type { Access } from "./access.ts";
import { pickHeaders, sandboxNotRunning, sandboxPath } from "./sandbox-proxy.ts";

/** Terminals are the only WebSockets of a sandbox that its owner may reach. */
const terminal = /^\/v1\/processes\/[^/]+\/terminal\/ws$/;

const handshakeHeaders = [
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
] as const;

const answerHeaders = ["sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"] as const;

export interface SandboxUpgradeOptions {
  readonly access: Access;
  readonly sandbox: (taskId: string) => Agent | undefined;
  readonly log: Logger;
}

/**
 * Takes upgrades to the terminals of a task's sandbox; the gateway has checked Host and Origin. Throws
 * `gateway.not_found` for other paths, so that the gateway closes those with its own reason. Refusals
 * are HTTP answers, as the route itself gives them.
 */
export function createSandboxUpgrade(
  options: SandboxUpgradeOptions,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
    const found = sandboxPath(pathname);
    if (found === undefined || !terminal.test(found.below))
      throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
    // A socket that breaks is its browser's affair: the way to the sandbox ends with it.
    socket.on("error", () => {});
    connect(options, found.taskId, `${found.below}${search}`, request, socket, head).catch(
      (error: unknown) => {
        if (!isHoldfastError(error)) options.log.error("a terminal could not be reached", { error });
        refuse(socket, isHoldfastError(error) ? error : sandboxNotRunning(error));
      },
    );
  };
}

async function connect(
  { access, sandbox }: SandboxUpgradeOptions,
  taskId: string,
  path: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  await access.owner({ header: (name) => pickHeaders(request, [name])[name] });
  const agent = sandbox(taskId);
  if (agent === undefined) throw sandboxNotRunning();
  const { answer, upstream, begun } = await handshake(agent, path, request, socket);
  if (socket.destroyed) {
    upstream.destroy();
    return;
  }
  const lines = Object.entries(pickHeaders(answer, answerHeaders)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(
    ["HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: upgrade", ...lines, "", ""].join(
      "\r\n",
    ),
  );
  socket.write(begun);
  upstream.write(head);
  // Either end takes the other along; how it ended is told in the frames themselves.
  await Promise.allSettled([pipeline(socket, upstream), pipeline(upstream, socket)]);
}

interface Handshake {
  readonly answer: IncomingMessage;
  readonly upstream: Duplex;
  /** What came from the sandbox together with its answer. */
  readonly begun: Buffer;
}

async function handshake(
  agent: Agent,
  path: string,
  request: IncomingMessage,
  socket: Duplex,
): Promise<Handshake> {
  const settled = Promise.withResolvers<Handshake>();
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
  outgoing.once("upgrade", (answer, upstream, begun) => {
    upstream.on("error", () => {});
    settled.resolve({ answer, upstream, begun });
  });
  outgoing.once("response", (answer) => {
    answer.resume();
    const statusCode = answer.statusCode ?? 502;
    const words = STATUS_CODES[statusCode] ?? "Refused";
    settled.reject(
      new HoldfastError("task", "terminal_refused", `The sandbox refused: ${words}`, { statusCode }),
    );
  });
  outgoing.once("error", (cause) => settled.reject(sandboxNotRunning(cause)));
  socket.once("close", () => outgoing.destroy());
  outgoing.end();
  return await settled.promise;
}

function refuse(socket: Duplex, error: HoldfastError): void {
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
