import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { HoldfastError } from "@holdfast/core";
import type { HostCertificate } from "./certificate-authority.ts";

/**
 * Terminates TLS on a connection of which nothing was read yet, and passes the decrypted connection to
 * `onSecure`. Offers HTTP/1.1 only, which is all that the proxy reads.
 * Rejects with `egress.handshake_failed`; the connection cannot be used afterwards.
 */
export function terminateTls(
  socket: Socket,
  certificate: HostCertificate,
  timeoutMs: number,
  onSecure: (secure: TLSSocket) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: Error) => {
      clearTimeout(timer);
      const message = `The TLS handshake in the tunnel failed: ${reason}`;
      const options = { statusCode: 403, ...(cause === undefined ? {} : { cause }) };
      reject(new HoldfastError("egress", "handshake_failed", message, options));
    };
    const timer = setTimeout(() => fail("it took too long"), timeoutMs);
    // A destroyed socket emits nothing any more.
    if (socket.destroyed) return fail("the client closed the connection");
    // A server for this connection alone, which listens nowhere: its events are about this connection.
    const server = createServer({ ...certificate, ALPNProtocols: ["http/1.1"] });
    // During the handshake, a client that ends its side has left; afterwards it may still read an answer.
    const { allowHalfOpen } = socket;
    socket.allowHalfOpen = false;
    server.once("secureConnection", (secure) => {
      clearTimeout(timer);
      secure.allowHalfOpen = allowHalfOpen;
      onSecure(secure);
      resolve();
    });
    server.once("tlsClientError", (cause) => fail(cause.message, cause));
    server.emit("connection", socket);
  });
}
