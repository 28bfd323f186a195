import { once } from "node:events";
import { Agent, request as httpRequest, type RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import {
  type ConnectionOptions,
  createSecureContext,
  getCACertificates,
  setDefaultCACertificates,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";
import { systemClock } from "@holdfast/core";
import type { Egress } from "@holdfast/gate";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { CertificateAuthority } from "../src/egress/tunnels/certificate-authority.ts";
import type { Reply } from "./egress-support.ts";

interface Ends {
  after(end: () => unknown): void;
}

export function newAuthority(names: readonly string[]): Promise<CertificateAuthority> {
  return CertificateAuthority.create({ names, clock: systemClock, limits: egressLimits });
}

/** A server of TLS that this process believes to be any of `names`, as it would one of the internet. */
export async function startTlsUpstream(
  t: Ends,
  names: readonly [string, ...string[]],
  answer: RequestListener,
  address = "127.0.0.2",
): Promise<number> {
  const authority = await newAuthority(names);
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, authority.certificate]);
  t.after(() => setDefaultCACertificates(before));
  const server = createServer(
    {
      ...(await authority.certificateFor(names[0])),
      SNICallback: (name, give) => {
        authority.certificateFor(name).then(
          (certificate) => give(null, createSecureContext(certificate)),
          (error: Error) => give(error),
        );
      },
    },
    answer,
  );
  server.listen(0, address);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export interface OpenedTunnel {
  readonly status: number;
  readonly socket: Socket;
}

/** Asks for a tunnel; the body of a refusal is thrown away. */
export function openTunnel(
  { socketPath }: Pick<Egress, "socketPath">,
  target: string,
): Promise<OpenedTunnel> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method: "CONNECT", path: target, agent: false });
    request.once("connect", (response, socket) => {
      socket.on("error", () => {});
      resolve({ status: response.statusCode ?? 0, socket: socket as Socket });
    });
    request.once("error", reject);
    request.end();
  });
}

/** TLS in a tunnel to `target`, whose name it asks for and checks. Rejects with what is wrong. */
export async function secureTunnel(
  egress: Pick<Egress, "socketPath">,
  target: string,
  options: ConnectionOptions,
): Promise<TLSSocket> {
  const { socket } = await openTunnel(egress, target);
  const secure = tlsConnect({ socket, servername: target.split(":", 1)[0] ?? "", ...options });
  await once(secure, "secureConnect");
  // It may be cut off when the proxy closes.
  return secure.on("error", () => {});
}

/** Sends every request over the one connection that it was given. */
class OneConnection extends Agent {
  readonly #connection: Duplex;

  constructor(connection: Duplex) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#connection = connection;
  }

  override createConnection(): Duplex {
    return this.#connection;
  }
}

/** What asks for paths of `host` over one connection, one after the other. */
export function askInside(connection: Duplex, host: string) {
  const agent = new OneConnection(connection);
  return (
    method: string,
    path: string,
    { headers = {}, body = "" }: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ agent, method, path, headers: { host, ...headers } }, (response) => {
        text(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
          reject,
        );
      });
      request.once("error", reject);
      request.end(body);
    });
}

/** Sends bytes as they are, and gives all that comes back until the other side closes. */
export async function rawInside(connection: Duplex, bytes: string): Promise<string> {
  connection.write(bytes);
  return text(connection);
}
