import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ActorTarget } from "@holdfast/client";
import type { Forwarder } from "./forwarder.ts";

/**
 * Connects a client's WebSocket with the node that serves the actor. Bytes cross unchanged: the handshake is that of
 * the other node. False if this node serves the actor, and nothing was read.
 */
export async function forwardSocket(
  forwarder: Forwarder,
  target: ActorTarget,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<boolean> {
  const url = request.url ?? "/";
  const stream = await forwarder.tunnel("socket", target, url, request.socket.remoteAddress);
  if (stream === undefined) return false;
  // Node reads header bytes as Latin-1.
  stream.write(requestHead(request), "latin1");
  if (head.length > 0) stream.write(head);
  join(socket, stream);
  return true;
}

/** Passes bytes both ways until either side ends. */
export function join(one: Duplex, other: Duplex): void {
  const end = (): void => {
    one.destroy();
    other.destroy();
  };
  pipeline(one, other).then(() => undefined, end);
  pipeline(other, one).then(() => undefined, end);
}

function requestHead({ method, url, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
