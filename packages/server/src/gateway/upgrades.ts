import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { NodeGateway } from "./node-gateway.ts";
import { actorsPrefix, localPath } from "./route.ts";

/** A server of `node:http` or `node:https`, whoever made it. */
export interface UpgradingServer {
  on(event: "upgrade", listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

/** Takes the upgrades below `basePath`; the others are left to the server's other listeners. */
export function attachUpgrades(
  server: UpgradingServer,
  basePath: string,
  open: () => Promise<NodeGateway>,
): void {
  let gateway: Promise<NodeGateway> | undefined;
  server.on("upgrade", (request, socket, head) => {
    if (localPath(request.url ?? "/", basePath)?.startsWith(actorsPrefix) !== true) return;
    // Node listens no more, and nobody else does yet: an error that nobody hears ends the process.
    socket.on("error", () => undefined);
    gateway ??= open();
    gateway.then(
      (opened) => opened.upgrade(request, socket, head),
      () => {
        gateway = undefined;
        socket.end("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      },
    );
  });
}
