/** The plain parts of an emulated API: JSON over HTTP on this machine. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface LocalService {
  /** "http://127.0.0.1:PORT", without a path. */
  readonly url: string;
  close(): Promise<void>;
}

/** Listens on a port of its own until it is closed, and then cuts what is still open. */
export async function serveLocally(listener: RequestListener): Promise<LocalService> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
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
