/** Baseline for the runtime: minimal echo servers over HTTP and WebSocket in Node. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeValue } from "@holdfast/core";
import { WebSocket, WebSocketServer } from "ws";
import { wallMs } from "./clock.ts";
import { serveTarget } from "./target.ts";

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    response.writeHead(200, { "content-type": "application/cbor", "content-length": body.length });
    response.end(body);
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
/** Wire format of an event. */
const event = encodeValue([[3, "tick", [1]]]);

function burst(events: number): number {
  const startedAt = wallMs();
  for (let n = 0; n < events; n++) {
    for (const client of sockets.clients) if (client.readyState === WebSocket.OPEN) client.send(event);
  }
  return startedAt;
}

server.listen(0, "127.0.0.1", () => serveTarget({ port: (server.address() as AddressInfo).port, burst }));
