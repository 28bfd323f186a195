import { createConnection, createServer } from "node:net";

const maxConnections = 64;

/** Forwards connections from this jail's loopback to the egress socket. Resolves with its port. */
export function startForwarder(socketPath: string): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => {
    const outer = createConnection({ path: socketPath, allowHalfOpen: true });
    inner.pipe(outer);
    outer.pipe(inner);
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        if (!one.readableEnded || !one.writableFinished) other.destroy();
      });
    }
  });
  server.maxConnections = maxConnections;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      // Only the channel keeps the process alive, not this server.
      server.unref();
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
