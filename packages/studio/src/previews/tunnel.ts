import { once } from "node:events";
import type { Duplex } from "node:stream";
import WebSocket, { createWebSocketStream } from "ws";
import type { SandboxRoute } from "../cluster/other-nodes.ts";

const handshakeTimeoutMs = 20_000;

/** Opens a connection to a port in the jail, through the sandbox server there. Rejects if nothing listens. */
export async function openTunnel({ agent, prefix, hold }: SandboxRoute, port: number): Promise<Duplex> {
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
  const release = hold?.();
  stream.once("close", () => release?.());
  return stream;
}
