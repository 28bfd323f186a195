import { mkdir, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import type { GateClient } from "./gate-client.ts";

/** Largest request of `ipc`: the gate accepts no larger frame. */
const maxRequestBytes = 2 * 1024 * 1024;

export interface LocalSocket {
  readonly path: string;
  /** Stops listening and closes all connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Serves the `ipc` command. It sends one line with the length of the arguments in bytes and the topic, followed by the
 * arguments; the reply is "0" and the result or "1" and the error, as JSON. One call per connection. Closing the
 * connection cancels the call.
 */
export function serveIpc(client: GateClient, path: string): Promise<LocalSocket> {
  return listen(path, (socket) => {
    const disconnected = new AbortController();
    let received: Buffer = Buffer.alloc(0);
    let isHandled = false;
    const refuse = (message: string) => {
      isHandled = true;
      socket.end(`1${JSON.stringify({ code: "CLI_ERROR", message, retriable: false })}`);
    };
    socket.on("data", (chunk: Buffer) => {
      if (isHandled) return;
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (received.length > maxRequestBytes) return refuse("The arguments are too large");
      const request = parseRequest(received);
      if (request === undefined) return;
      if (request.arguments === undefined) return refuse("The arguments must be a JSON object");
      isHandled = true;
      void client.call(request.topic, request.arguments, { signal: disconnected.signal }).then((answer) => {
        socket.end(answer.ok ? `0${JSON.stringify(answer.result)}` : `1${JSON.stringify(answer.error)}`);
      });
    });
    // The command keeps its side open until it has the reply, so that an end means that it exited.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => disconnected.abort());
  });
}

interface Request {
  readonly topic: string;
  /** Undefined unless they are a JSON object. */
  readonly arguments: Record<string, unknown> | undefined;
}

/** Parses a request; undefined while it is incomplete. */
function parseRequest(received: Buffer): Request | undefined {
  const headerEnd = received.indexOf("\n");
  if (headerEnd < 0) return undefined;
  const header = /^(\d{1,9}) (.*)$/.exec(received.toString("utf8", 0, headerEnd));
  if (header === null) return { topic: "", arguments: undefined };
  const end = headerEnd + 1 + Number(header[1]);
  if (received.length < end) return undefined;
  return { topic: header[2] ?? "", arguments: parse(received.toString("utf8", headerEnd + 1, end)) };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Listens on a Unix socket in a private directory. Replaces a socket left by an earlier process. */
export async function listen(path: string, onConnection: (socket: Socket) => void): Promise<LocalSocket> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  let closing: Promise<void> | undefined;
  return {
    path,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
      return closing;
    },
  };
}
