import { randomBytes } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { ActorTarget } from "@holdfast/client";
import { HoldfastError, type Logger, type Tasks } from "@holdfast/core";
import { asSocket } from "./as-socket.ts";
import { type ClusterSecrets, type Hello, linkProtocol, type Welcome } from "./handshake.ts";
import { type LinkKind, linkHeader, misdirected } from "./headers.ts";
import { LinkExchange } from "./link-exchange.ts";
import { readJson, sessionSettings } from "./session-settings.ts";

/** The part of a gateway that requests of other nodes reach. */
export interface LinkGateway {
  /** Answers a request; false if its path is not the gateway's. */
  answer(exchange: LinkExchange): boolean;
  /** The actor of a URL; undefined for other URLs. */
  targetOf(url: string): ActorTarget | undefined;
  upgradeHere(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface LinkServerOptions {
  /** Id of this node; undefined until it begins to join. */
  readonly self: () => string | undefined;
  readonly secrets: ClusterSecrets;
  readonly tasks: Tasks;
  readonly log: Logger;
  /** For requests of clients, which are checked, and for those of actors, which are not. */
  readonly clients: LinkGateway;
  readonly internal: LinkGateway;
  /** Time limit of the handshake in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** True if this node serves the actor. */
  accepts(target: ActorTarget, revision: number): Promise<boolean>;
  /** Another node has changed the leases. */
  revised(revision: number): Promise<void>;
}

interface Peer {
  readonly hello: Hello;
  readonly welcome: Omit<Welcome, "proof">;
  isTrusted: boolean;
}

/** Accepts the links of other nodes. Nothing but the handshake is answered before a peer has proved the secret. */
export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #server: Http2Server;
  readonly #peers = new WeakMap<ServerHttp2Session, Peer>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #clientSockets: Server;
  readonly #internalSockets: Server;

  constructor(options: LinkServerOptions) {
    this.#options = options;
    this.#server = createServer(sessionSettings);
    this.#clientSockets = socketServer(options.clients);
    this.#internalSockets = socketServer(options.internal);
    this.#server.on("session", (session) => this.#accept(session));
    this.#server.on("stream", (stream, headers) => {
      stream.on("error", () => undefined);
      this.#stream(stream, headers).catch(() => stream.destroy());
    });
  }

  /** Listens; returns the port. Throws `cluster.cannot_listen`. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (cause) => reject(cannotListen(host, port, cause)));
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Accepts a WebSocket of this node's own actors, as if it had come over a link. */
  acceptInternal(socket: Duplex): void {
    this.#internalSockets.emit("connection", asSocket(socket));
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  #accept(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    const { tasks, handshakeTimeoutMs } = this.#options;
    const timer = tasks.after(handshakeTimeoutMs, () => {
      if (this.#peers.get(session)?.isTrusted !== true) session.destroy();
    });
    session.on("error", () => undefined);
    session.once("close", () => {
      timer.cancel();
      this.#sessions.delete(session);
    });
  }

  async #stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const { session } = stream;
    if (session === undefined) return;
    const kind = headers[linkHeader.kind] as LinkKind | undefined;
    if (kind === "hello") return this.#greet(stream, session as ServerHttp2Session);
    const peer = this.#peers.get(session as ServerHttp2Session);
    if (kind === "proof" && peer !== undefined) return this.#trust(stream, peer);
    if (peer?.isTrusted !== true) return refuse(stream, 401);
    switch (kind) {
      case "request":
      case "internal": {
        const gateway = kind === "request" ? this.#options.clients : this.#options.internal;
        if (!gateway.answer(new LinkExchange(stream, headers))) refuse(stream, 404);
        return;
      }
      case "socket":
        return this.#tunnel(stream, headers, this.#clientSockets, this.#options.clients);
      case "internal-socket":
        return this.#tunnel(stream, headers, this.#internalSockets, this.#options.internal);
      case "revision":
        await this.#options.revised(Number(headers[linkHeader.revision]));
        return refuse(stream, 204);
      default:
        return refuse(stream, 400);
    }
  }

  async #greet(stream: ServerHttp2Stream, session: ServerHttp2Session): Promise<void> {
    const { secrets, log } = this.#options;
    const self = this.#options.self();
    if (self === undefined) return refuse(stream, 503);
    const hello = (await readJson(stream)) as Hello;
    const key = Array.isArray(hello.keys) ? secrets.common(hello.keys) : undefined;
    const nonce = randomBytes(18).toString("base64url");
    if (hello.protocol !== linkProtocol) return reply(stream, { protocol: linkProtocol });
    if (key === undefined) {
      log.warn("a node with another cluster secret tried to connect", { node: hello.node });
      return reply(stream, { error: "secret_mismatch" });
    }
    const welcome = { protocol: linkProtocol, node: self, nonce, key };
    this.#peers.set(session, { hello, welcome, isTrusted: false });
    reply(stream, { ...welcome, proof: secrets.prove("accepter", hello, welcome) });
  }

  async #trust(stream: ServerHttp2Stream, peer: Peer): Promise<void> {
    const { proof } = (await readJson(stream)) as { readonly proof?: unknown };
    if (!this.#options.secrets.check("caller", peer.hello, peer.welcome, proof)) {
      stream.session?.destroy();
      return;
    }
    peer.isTrusted = true;
    refuse(stream, 204);
  }

  /** Hands the stream to an HTTP/1.1 server that handles upgrades. */
  async #tunnel(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    sockets: Server,
    gateway: LinkGateway,
  ): Promise<void> {
    const revision = Number(headers[linkHeader.revision] ?? 0);
    const target = gateway.targetOf(String(headers[":path"] ?? "/"));
    // The WebSocket reports other URLs to its client.
    if (target !== undefined && !(await this.#options.accepts(target, revision))) {
      return refuse(stream, misdirected);
    }
    stream.respond({ ":status": 200 });
    const peer = headers[linkHeader.peer];
    sockets.emit("connection", asSocket(stream, typeof peer === "string" ? peer : undefined));
  }
}

/** A server that does not listen: streams of links are its connections. */
function socketServer(gateway: LinkGateway): Server {
  const server = createHttpServer((_request, response) => response.writeHead(426).end());
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    gateway.upgradeHere(request, socket, head);
  });
  return server;
}

function reply(stream: ServerHttp2Stream, body: unknown): void {
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.end(JSON.stringify(body));
}

function refuse(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status }, { endStream: true });
  stream.resume();
}

function cannotListen(host: string, port: number, cause: Error): HoldfastError {
  const message = `The node cannot listen for other nodes on ${host}:${port} (${cause.message}). Choose another address with HOLDFAST_ADVERTISE`;
  return new HoldfastError("cluster", "cannot_listen", message, { cause });
}
