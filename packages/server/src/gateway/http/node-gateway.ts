import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ActorTarget } from "@holdfast/client";
import type { Directory } from "../../directory/directory.ts";
import { Gateway } from "../gateway.ts";
import type { GatewayOptions } from "../options.ts";
import { RivetSide } from "../rivet/side.ts";
import { rivetSubprotocol, speaksRivet } from "../rivet/upgrades.ts";
import { actorsPrefix, isRawSocket, localPath } from "../route.ts";
import { type ForeignInspectors, InspectorSockets, isInspectorSocket } from "../sockets/inspector-sockets.ts";
import { RawSockets } from "../sockets/raw-sockets.ts";
import { ownWire } from "../sockets/socket.ts";
import { Sockets } from "../sockets/sockets.ts";
import type { Exchange } from "./exchange.ts";
import { NodeExchange } from "./node-exchange.ts";

const rivetInspectors: ForeignInspectors = {
  subprotocol: rivetSubprotocol,
  open: async () => new (await import("../rivet/inspector-wire.ts")).RivetInspectorWire(),
};

/** The gateway on any server of `node:http`. */
export class NodeGateway {
  readonly #gateway: Gateway;
  readonly #sockets: Sockets;
  readonly #rawSockets: RawSockets;
  readonly #inspectors: InspectorSockets;
  /** Undefined where clients of `rivetkit` are not served. */
  readonly #rivet: RivetSide | undefined;

  constructor(directory: Directory, options: GatewayOptions) {
    this.#gateway = new Gateway(directory, options);
    this.#sockets = new Sockets(this.#gateway, ownWire);
    this.#rawSockets = new RawSockets(this.#gateway);
    const { rivet } = this.#gateway;
    this.#inspectors = new InspectorSockets(this.#gateway, rivet && rivetInspectors);
    this.#rivet = rivet && new RivetSide(this.#gateway, rivet);
  }

  /** Answers a request. Other paths go to `next`, or without it to the fallback of the options. */
  request(request: IncomingMessage, response: ServerResponse, next?: () => void): void {
    const { otherSite } = this.#gateway.options;
    if (otherSite?.owns(request.headers.host) === true) return otherSite.request(request, response);
    const exchange = new NodeExchange(request, response);
    if (this.#gateway.handle(exchange)) return;
    if (next !== undefined) return next();
    const { fallback } = this.#gateway.options;
    if (fallback === undefined) this.#gateway.unclaimed(exchange);
    else fallback(request, response);
  }

  /** Answers a request that has come from another node; false if its path is not the gateway's. */
  answer(exchange: Exchange): boolean {
    return this.#gateway.handle(exchange);
  }

  /** The actor of a URL; undefined for other URLs, and for malformed ones. */
  targetOf(requestUrl: string): ActorTarget | undefined {
    try {
      const url = localPath(requestUrl, this.#gateway.options.basePath);
      if (url?.startsWith(actorsPrefix) !== true) return undefined;
      const route = this.#gateway.routeOf(url);
      return "target" in route ? route.target : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Accepts an upgrade to a WebSocket, or hands it to the node that serves the actor. A refusal is a close with a
   * reason, because browsers see nothing else.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { otherSite } = this.#gateway.options;
    if (otherSite?.owns(request.headers.host) === true) return otherSite.upgrade(request, socket, head);
    if (this.#rivet?.upgrades.claims(request) === true) {
      return this.#rewrite(this.#rivet, request, socket, head);
    }
    this.#upgrade(request, socket, head);
  }

  /** Makes one of our own upgrades of that of a client of `rivetkit`. */
  #rewrite(rivet: RivetSide, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const isConnection = /\/connect(?:\?|$)/.test(request.url ?? "/");
    this.#held(
      socket,
      rivet.upgrades.rewrite(request).then(
        () => () => this.#upgrade(request, socket, head),
        async (error: unknown) => {
          const sockets = isConnection ? await rivet.sockets() : this.#rawSockets;
          return () => sockets.refuse(request, socket, head, error);
        },
      ),
    );
  }

  /** Calls what `next` resolves with, unless the socket has ended until then. */
  #held(socket: Duplex, next: Promise<() => void>): void {
    // Node has removed its listener, and nobody has added one yet: an unhandled error would end the process.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    next.then(
      (proceed) => {
        socket.removeListener("error", ignore);
        if (!socket.destroyed) proceed();
      },
      () => socket.destroy(),
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { cluster } = this.#gateway.directory;
    const target = cluster === undefined ? undefined : this.targetOf(request.url ?? "/");
    if (cluster === undefined || target === undefined || !this.#allows(request)) {
      return this.upgradeHere(request, socket, head);
    }
    // Node has removed its listener, and nobody has added one yet: an unhandled error would end the process.
    const ignore = (): void => undefined;
    socket.on("error", ignore);
    const here = (): void => {
      socket.removeListener("error", ignore);
      if (!socket.destroyed) this.upgradeHere(request, socket, head);
    };
    if (cluster.isHere(target)) return here();
    cluster.forwardSocket(target, request, socket, head).then((isForwarded) => {
      if (!isForwarded) here();
      // The WebSocket is accepted and closed with the reason.
    }, here);
  }

  #allows(request: IncomingMessage): boolean {
    try {
      this.#gateway.guard.check(request.headers.host, request.headers.origin);
      return true;
    } catch {
      return false;
    }
  }

  /** Accepts an upgrade on this node. */
  upgradeHere(request: IncomingMessage, socket: Duplex, head: Buffer): void {
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
    else if (this.#rivet !== undefined && speaksRivet(request)) {
      const opened = this.#rivet.sockets();
      this.#held(
        socket,
        opened.then((sockets) => () => sockets.accept(request, socket, head, url)),
      );
    } else this.#sockets.accept(request, socket, head, url);
  }

  /** Closes every WebSocket with 1001; resolves when all are closed. */
  async close(): Promise<void> {
    const all = [this.#sockets, this.#rawSockets, this.#inspectors, this.#rivet];
    await Promise.all(all.map((sockets) => sockets?.close()));
  }
}
