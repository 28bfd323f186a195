import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { problem } from "../../http/problem.ts";
import type { SocketExchange } from "../../http/sockets.ts";
import { type ListeningPort, reachableAddress } from "./ports.ts";

/**
 * Connects a WebSocket with a listening port: binary messages carry the bytes of the connection. For a host that reaches
 * this server, and nothing else beside it. Throws `not_found` if nothing accepts.
 */
export async function serveTunnel(exchange: SocketExchange, listener: ListeningPort): Promise<void> {
  const upstream = await open(listener, exchange.signal);
  try {
    const socket = await exchange.accept();
    // Loaded with the first upgrade.
    const { createWebSocketStream } = await import("ws");
    const stream = createWebSocketStream(socket);
    await Promise.allSettled([pipeline(upstream, stream), pipeline(stream, upstream)]);
  } finally {
    upstream.destroy();
  }
}

async function open({ address, port }: ListeningPort, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: reachableAddress(address), port, signal });
  await once(socket, "connect").catch(() => {
    const details = { id: String(port), resource: "port" };
    throw problem("not_found", 404, `nothing accepts connections on port ${port}`, { details });
  });
  socket.setNoDelay(true);
  return socket;
}
