import { createConnection, createServer, type Socket } from "node:net";

/** Options of `startForwarder`. */
export interface ForwarderOptions {
  /** TCP port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** Loopback address. Default: 127.0.0.1. */
  readonly host?: string;
  /** Egress socket of the host. */
  readonly socketPath: string;
  /** Concurrent connections; further ones are closed immediately. Default: 64. */
  readonly maxConnections?: number;
}

/** TCP port in the jail that forwards to a socket. */
export interface Forwarder {
  readonly port: number;
  /** Stops listening and closes all connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a TCP forwarder from the jail's loopback to the egress socket, so that agents can use an ordinary base URL.
 * It forwards bytes unread: secrets and decisions are the proxy's.
 */
export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const open = new Set<Socket>();
  // Keeps half-open connections: a client may end its side and still read the response.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => {
    const outer = createConnection({ path: options.socketPath, allowHalfOpen: true });
    open.add(inner).add(outer);
    pipeHalf(inner, outer);
    pipeHalf(outer, inner);
  });
  server.maxConnections = options.maxConnections ?? 64;

  /** Copies one direction. `pipe` applies backpressure; an abnormal end of either side closes both. */
  function pipeHalf(from: Socket, to: Socket): void {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      open.delete(from);
      if (from.readableEnded && from.writableFinished) return;
      to.destroy();
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host ?? "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  let closing: Promise<void> | undefined;
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
      return closing;
    },
  };
}
