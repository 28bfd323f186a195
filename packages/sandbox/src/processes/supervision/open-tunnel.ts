import { once } from "node:events";
import type { Agent } from "node:http";
import type { Duplex } from "node:stream";
import WebSocket, { createWebSocketStream } from "ws";

const handshakeTimeoutMs = 20_000;

/** The way of a host to a sandbox server. */
export interface TunnelRoute {
  readonly agent: Agent;
  /** Goes before the path of each request; empty by default. */
  readonly prefix?: string;
}

/** Opens a connection to a port beside a sandbox server, through that server. Rejects if nothing listens. */
export async function openTunnel({ agent, prefix = "" }: TunnelRoute, port: number): Promise<Duplex> {
  const socket = new WebSocket(`ws://sandbox${prefix}/v1/ports/${port}/tunnel`, {
    agent,
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    headers: { host: "localhost" },
  });
  await once(socket, "open");
  const stream = createWebSocketStream(socket);
  // The request over it, or its absence, reports the error.
  stream.on("error", () => {});
  return stream;
}
