import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { HoldfastError } from "@holdfast/core";
import type { Directory } from "../../directory/directory.ts";
import { serverLimits } from "../../limits.ts";
import { type FallbackHandlers, serveFallback } from "../application.ts";
import { IncomingRequest } from "../http/incoming-request.ts";
import { NodeGateway } from "../http/node-gateway.ts";
import type { GatewayOptions } from "../options.ts";
import { portFromEnvironment } from "./environment.ts";
import { listenError } from "./listen-error.ts";

/** A server that accepts requests. */
export interface Listening {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Accepts no new connections; open ones continue. */
  stopAccepting(): void;
  /** Ends every connection (WebSockets with 1001) and resolves when all are closed. */
  close(): Promise<void>;
}

/** Starts to listen. Throws `gateway.port_in_use`, `gateway.cannot_listen`, `gateway.invalid_port`. */
export async function listen(
  directory: Directory,
  options: GatewayOptions & FallbackHandlers & { readonly port?: number; readonly host?: string },
): Promise<Listening> {
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? portFromEnvironment();
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new HoldfastError("gateway", "invalid_port", `${port} is not a port from 0 to 65535`);
  }
  const servesOthers = options.publicDir !== undefined || options.application !== undefined;
  const fallback = servesOthers ? serveFallback(options, directory.ports) : options.fallback;
  const gateway = new NodeGateway(directory, { ...options, ...(fallback && { fallback }) });
  const server = createServer({
    IncomingMessage: IncomingRequest,
    keepAliveTimeout: serverLimits.keepAliveTimeoutMs,
    // Bodies have deadlines of their own, because a streamed body may take as long as it needs.
    requestTimeout: 0,
    headersTimeout: serverLimits.headersTimeoutMs,
    connectionsCheckingInterval: serverLimits.headersTimeoutMs / 2,
    maxHeaderSize: serverLimits.maxHeaderBytes,
    // The Host check answers with a more helpful error.
    requireHostHeader: false,
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    gateway.request(request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    gateway.upgrade(request, socket, head);
  });
  await bind(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    host,
    port: bound,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    stopAccepting: () => {
      server.close();
      server.closeIdleConnections();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        if (!server.listening) server.close();
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      await gateway.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, host, port));
    server.once("error", onError);
    server.listen(port, host, () => {
      server.removeListener("error", onError);
      resolve();
    });
  });
}
