/** The plain parts of an emulated API: JSON over HTTP on this machine. */
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface LocalService {
  /** "http://127.0.0.1:PORT", without a path. */
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Listens on a port of its own until it is closed, and then cuts what is still open. */
export async function serveLocally(listener: RequestListener): Promise<LocalService> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The body of a request as JSON; undefined where it has none. */
export async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const body = await buffer(request);
  return body.length === 0 ? undefined : JSON.parse(body.toString("utf8"));
}

/**
 * Hands every request on to another address of this machine, as the proxy of a vendor does. `admit` gives the
 * headers that go on, or nothing where a request is not let through.
 */
export function forwardTo(
  url: string,
  admit: (headers: IncomingMessage["headers"]) => OutgoingHttpHeaders | undefined = (headers) => headers,
): RequestListener {
  const { hostname, port } = new URL(url);
  return (request, response) => {
    const headers = admit(request.headers);
    if (headers === undefined) {
      response.writeHead(401).end();
      return;
    }
    const onward = httpRequest({ hostname, port, method: request.method, path: request.url, headers });
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once("error", () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  };
}
