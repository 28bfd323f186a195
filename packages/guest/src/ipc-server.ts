import { mkdir, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import type { GateClient } from "./gate-client.ts";

/** Most that one `ipc` may send: the gate takes no larger frame. */
const maxRequestBytes = 2 * 1024 * 1024;

export interface LocalSocket {
  readonly path: string;
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens for the `ipc` command: it writes a line, the number of bytes of the arguments and the topic, and
 * the arguments; it gets "0" and the result, or "1" and the error, as JSON. One call a connection, many at
 * once. A command that goes away takes its call with it.
 */
export function serveIpc(client: GateClient, path: string): Promise<LocalSocket> {
  return listen(path, (socket) => {
    const gone = new AbortController();
    let received: Buffer = Buffer.alloc(0);
    let called = false;
    const refuse = (message: string) => {
      called = true;
      socket.end(`1${JSON.stringify({ code: "CLI_ERROR", message, retriable: false })}`);
    };
    socket.on("data", (chunk: Buffer) => {
      if (called) return;
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (received.length > maxRequestBytes) return refuse("The arguments are too large");
      const request = read(received);
      if (request === undefined) return;
      if (request.arguments === undefined) return refuse("The arguments are not a JSON object");
      called = true;
      void client.call(request.topic, request.arguments, { signal: gone.signal }).then((answer) => {
        socket.end(answer.ok ? `0${JSON.stringify(answer.result)}` : `1${JSON.stringify(answer.error)}`);
      });
    });
    // The command keeps its side open until it has its answer.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => gone.abort());
  });
}

interface Request {
  readonly topic: string;
  /** Undefined when they are not a JSON object. */
  readonly arguments: Record<string, unknown> | undefined;
}

/** Undefined until all of it has come. */
function read(received: Buffer): Request | undefined {
  const line = received.indexOf("\n");
  if (line < 0) return undefined;
  const head = /^(\d{1,9}) (.*)$/.exec(received.toString("utf8", 0, line));
  if (head === null) return { topic: "", arguments: undefined };
  const end = line + 1 + Number(head[1]);
  if (received.length < end) return undefined;
  return { topic: head[2] ?? "", arguments: parse(received.toString("utf8", line + 1, end)) };
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

/** A Unix socket in a directory of its own; a socket that an earlier guest left is replaced. */
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
