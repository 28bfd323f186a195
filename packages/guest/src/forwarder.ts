import { createConnection, createServer, type Socket } from "node:net";

/** From where to where is forwarded. */
export interface ForwarderOptions {
  /** TCP port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** Loopback address; 127.0.0.1 by default. */
  readonly host?: string;
  /** The egress socket that the host listens on. */
  readonly socketPath: string;
  /** Connections open at once; more are closed at once. 64 by default. */
  readonly maxConnections?: number;
}

/** A port of the jail that leads to a socket. */
export interface Forwarder {
  readonly port: number;
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>;
}

/**
 * Forwards bytes, unread, from the jail's loopback to the egress socket, so that agents can use an
 * ordinary base URL. It holds no secret and takes no decision: the proxy behind the socket does.
 */
export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const open = new Set<Socket>();
  // Half-open connections are kept: a client may end its side and still read the answer.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => {
    const outer = createConnection({ path: options.socketPath, allowHalfOpen: true });
    open.add(inner).add(outer);
    join(inner, outer);
    join(outer, inner);
  });
  server.maxConnections = options.maxConnections ?? 64;

  /** `pipe` stops reading `from` while `to` is full; the end of either takes down both. */
  function join(from: Socket, to: Socket): void {
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
