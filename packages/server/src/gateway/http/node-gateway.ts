import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Directory } from "../../directory/directory.ts";
import { Gateway } from "../gateway.ts";
import type { GatewayOptions } from "../options.ts";
import { actorsPrefix, isRawSocket, localPath } from "../route.ts";
import { InspectorSockets, isInspectorSocket } from "../sockets/inspector-sockets.ts";
import { RawSockets } from "../sockets/raw-sockets.ts";
import { Sockets } from "../sockets/sockets.ts";
import { NodeExchange } from "./node-exchange.ts";

/** The gateway on any server of `node:http`. */
export class NodeGateway {
  readonly #gateway: Gateway;
  readonly #sockets: Sockets;
  readonly #rawSockets: RawSockets;
  readonly #inspectors: InspectorSockets;

  constructor(directory: Directory, options: GatewayOptions) {
    this.#gateway = new Gateway(directory, options);
    this.#sockets = new Sockets(this.#gateway);
    this.#rawSockets = new RawSockets(this.#gateway);
    this.#inspectors = new InspectorSockets(this.#gateway);
  }

  /** Answers a request. Other paths go to `next`, or without it to the fallback of the options. */
  request(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    const exchange = new NodeExchange(request, response);
    if (this.#gateway.handle(exchange)) return;
    if (next !== undefined) return next();
    const { fallback } = this.#gateway.options;
    if (fallback === undefined) this.#gateway.unclaimed(exchange);
    else fallback(request, response);
  }

  /** True if an upgrade is for an actor. */
  owns(url: string): boolean {
    return localPath(url, this.#gateway.options.basePath)?.startsWith(actorsPrefix) === true;
  }

  /** Accepts an upgrade to a WebSocket. A refusal is a close with a reason, because browsers see nothing else. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { options, guard } = this.#gateway;
    const url = localPath(request.url ?? "/", options.basePath) ?? "/";
    if (options.fallbackUpgrade !== undefined && !url.startsWith(actorsPrefix)) {
      try {
        guard.check(request.headers.host, request.headers.origin);
        options.fallbackUpgrade(request, socket, head);
        return;
      } catch {
        // The socket below is accepted and closed with the reason.
      }
    }
    if (isInspectorSocket(url)) this.#inspectors.accept(request, socket, head, url);
    else if (isRawSocket(url)) this.#rawSockets.accept(request, socket, head, url);
    else this.#sockets.accept(request, socket, head, url);
  }

  /** Closes every WebSocket with 1001; resolves when all are closed. */
  async close(): Promise<void> {
    await Promise.all([this.#sockets.close(), this.#rawSockets.close(), this.#inspectors.close()]);
  }
}
