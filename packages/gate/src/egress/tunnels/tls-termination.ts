import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { HoldfastError } from "@holdfast/core";
import type { HostCertificate } from "./certificate-authority.ts";

/**
 * Ends TLS of a client's connection of which nothing was taken yet, and gives `inside` what is in it. Only
 * HTTP/1.1 is offered: what follows reads nothing else.
 * Throws `egress.handshake_failed`: then the connection is of no more use.
 */
export function terminateTls(
  socket: Socket,
  certificate: HostCertificate,
  timeoutMs: number,
  inside: (secure: TLSSocket) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error) => {
      clearTimeout(timer);
      const message = `The handshake of a tunnel that ends here has failed: ${why}`;
      const options = { statusCode: 403, ...(cause === undefined ? {} : { cause }) };
      reject(new HoldfastError("egress", "handshake_failed", message, options));
    };
    const timer = setTimeout(() => fail("it took too long"), timeoutMs);
    // It would never tell that again.
    if (socket.destroyed) return fail("the client has left");
    // It listens nowhere: a server of its own for each connection, so that what it tells is about this one.
    const server = createServer({ ...certificate, ALPNProtocols: ["http/1.1"] });
    // Who says no more has left, until there is something inside that may be answered all the same.
    const { allowHalfOpen } = socket;
    socket.allowHalfOpen = false;
    server.once("secureConnection", (secure) => {
      clearTimeout(timer);
      secure.allowHalfOpen = allowHalfOpen;
      inside(secure);
      resolve();
    });
    server.once("tlsClientError", (cause) => fail(cause.message, cause));
    server.emit("connection", socket);
  });
}
