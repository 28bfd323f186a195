import { randomBytes } from "node:crypto";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ActorTarget } from "@holdfast/client";
import { HoldfastError, type Logger, type Tasks } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import { AnswerChannel } from "./answer-channel.ts";
import { asSocket, pipedSocket } from "./as-socket.ts";
import type { Certificates } from "./certificates.ts";
import type { ChannelExchange } from "./channel-exchange.ts";
import { type ClusterSecrets, type Hello, linkProtocol, type Welcome } from "./handshake.ts";
import { type LinkKind, linkHeader, misdirected } from "./headers.ts";
import { LinkExchange } from "./link-exchange.ts";
import { readJson, sessionSettings } from "./session-settings.ts";

/** The part of a gateway that requests of other nodes reach. */
export interface LinkGateway {
  /** Answers a request; false if its path is not the gateway's. */
  answer(exchange: LinkExchange | ChannelExchange): boolean;
  /** The actor of a URL; undefined for other URLs. */
  targetOf(url: string): ActorTarget | undefined;
  upgradeHere(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers a request of HTTP/1.1. */
  request(request: IncomingMessage, response: ServerResponse): void;
}

export interface LinkServerOptions {
  /** Id of this node; undefined until it begins to join. */
  readonly self: () => string | undefined;
  readonly secrets: ClusterSecrets;
  /** Undefined for links without TLS. */
  readonly certificates: Certificates | undefined;
  readonly tasks: Tasks;
  readonly log: Logger;
  /** For requests of clients, which are checked, and for those of actors, which are not. */
  readonly clients: LinkGateway;
  readonly internal: LinkGateway;
  /** Time limit of the handshake in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** True if this node serves the actor. */
  accepts(target: ActorTarget, revision: number): boolean | Promise<boolean>;
  /** Another node says where to look again. */
  wake(message: string): Promise<void>;
  /** Another node asks about the actors in memory. */
  actors(question: unknown): Promise<unknown>;
  /** Another node asks whether this one reaches it. */
  reach(question: unknown): Promise<unknown>;
  /** A node that does not listen offers a stream for the link to it. */
  offered(node: string, stream: Duplex): void;
  /** Opens a stream to a node that does not listen, for a third one. Throws `LinkLost`, and errors of links. */
  relay(node: string): Promise<Duplex>;
}

interface Peer {
  readonly hello: Hello;
  readonly welcome: Omit<Welcome, "proof">;
  isTrusted: boolean;
  channel: AnswerChannel | undefined;
}

/** Kinds of refused certificates that are said. */
const maxRefusals = 32;

/** Accepts the links of other nodes. Nothing but the handshake is answered before a peer has proved the secret. */
export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #server: Http2Server | Http2SecureServer;
  /** Reasons for which certificates were refused, each said once. */
  readonly #refusals = new Set<string>();
  readonly #peers = new WeakMap<ServerHttp2Session, Peer>();
  readonly #greeted = new WeakSet<ServerHttp2Session>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections of a server with TLS. */
  readonly #connections = new Set<Socket>();
  /** Accepts links that other links carry. */
  readonly #carried: Http2Server = createServer(sessionSettings);
  /** For WebSockets of clients, and for those of actors. */
  readonly #clientSockets: Server;
  readonly #internalSockets: Server;
  /** For requests of the program with itself, and its WebSockets. */
  readonly #programs: Server;

  constructor(options: LinkServerOptions) {
    this.#options = options;
    const { certificates } = options;
    if (certificates === undefined) this.#server = createServer(sessionSettings);
    else this.#server = this.#createSecureServer(certificates);
    // Requests of clients and actors that are no upgrades cross links as requests.
    const upgradesOnly = (_request: IncomingMessage, response: ServerResponse): void =>
      void response.writeHead(426).end();
    this.#clientSockets = socketServer(options.clients, upgradesOnly);
    this.#internalSockets = socketServer(options.internal, upgradesOnly);
    this.#programs = socketServer(options.internal, (request, response) =>
      options.internal.request(request, response),
    );
    this.#server.on("session", (session) => this.#accept(session));
    // Its other side may wait until it has something to send.
    this.#carried.on("session", (session) => this.#keep(session));
    for (const server of [this.#server, this.#carried]) {
      server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        stream.on("error", () => undefined);
        this.#stream(stream, headers).catch(() => stream.destroy());
      });
    }
  }

  /** Listens; returns the port. Throws `cluster.cannot_listen`. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (cause) => reject(cannotListen(host, port, cause)));
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Accepts a link that a stream of another link carries. */
  acceptCarried(stream: Duplex): void {
    const socket = pipedSocket(stream);
    socket.on("error", () => undefined);
    socket.once("close", () => stream.destroy());
    this.#carried.emit("connection", socket);
  }

  /** Accepts a WebSocket of this node's own actors, as if it had come over a link. */
  acceptInternal(socket: Duplex): void {
    this.#internalSockets.emit("connection", asSocket(socket));
  }

  async close(): Promise<void> {
    // One that does not listen is closed already.
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#connections) socket.destroy();
    this.#options.certificates?.close();
    await closed;
  }

  /** Refuses connections without a certificate of the cluster's authority before anything is read from them. */
  #createSecureServer(certificates: Certificates): Http2SecureServer {
    const { handshakeTimeoutMs: handshakeTimeout } = this.#options;
    const server = createSecureServer({ ...sessionSettings, ...certificates.tls, handshakeTimeout });
    // A connection is no session before its handshake has ended, and would hold up `close`.
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    certificates.start(() => server.setSecureContext(certificates.tls));
    server.on("tlsClientError", (error) => {
      if (this.#refusals.has(error.message) || this.#refusals.size >= maxRefusals) return;
      this.#refusals.add(error.message);
      this.#options.log.warn("a connection without a valid certificate of a node was refused", {
        reason: error.message,
      });
    });
    return server;
  }

  #accept(session: ServerHttp2Session): void {
    this.#keep(session);
    const { tasks, handshakeTimeoutMs } = this.#options;
    const timer = tasks.after(handshakeTimeoutMs, () => {
      if (this.#peers.get(session)?.isTrusted !== true) session.destroy();
    });
    session.once("close", () => timer.cancel());
  }

  #keep(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on("error", () => undefined);
    session.once("close", () => this.#sessions.delete(session));
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
        if (!this.#gatewayFor(kind).answer(new LinkExchange(stream, headers))) refuse(stream, 404);
        return;
      }
      case "calls":
        stream.respond({ ":status": 200 });
        peer.channel = new AnswerChannel(stream, (of, exchange) => this.#gatewayFor(of).answer(exchange));
        return;
      case "answer": {
        const exchange = new LinkExchange(stream, headers);
        if (peer.channel?.fetch(Number(headers[linkHeader.call]), exchange) !== true) refuse(stream, 404);
        return;
      }
      case "socket":
        return this.#tunnel(stream, headers, this.#clientSockets, this.#options.clients);
      case "internal-socket":
        return this.#tunnel(stream, headers, this.#internalSockets, this.#options.internal);
      case "program":
        return this.#tunnel(stream, headers, this.#programs, this.#options.internal, true);
      case "reverse":
        stream.respond({ ":status": 200 });
        return this.#options.offered(peer.hello.node, stream);
      case "carrier":
        stream.respond({ ":status": 200 });
        return this.acceptCarried(stream);
      case "relay":
        return this.#relay(stream, String(headers[linkHeader.node] ?? ""));
      case "wakeup":
        await this.#options.wake(JSON.stringify(await readJson(stream)));
        return refuse(stream, 204);
      case "actors":
        return reply(stream, await this.#options.actors(await readJson(stream)));
      case "reach":
        return reply(stream, await this.#options.reach(await readJson(stream)));
      default:
        return refuse(stream, 400);
    }
  }

  #gatewayFor(kind: "request" | "internal"): LinkGateway {
    return kind === "request" ? this.#options.clients : this.#options.internal;
  }

  async #greet(stream: ServerHttp2Stream, session: ServerHttp2Session): Promise<void> {
    const { secrets, log } = this.#options;
    const self = this.#options.self();
    if (self === undefined) return refuse(stream, 503);
    // One greeting for each session: a second one must not replace what the first has proved.
    if (this.#greeted.has(session)) return refuse(stream, 400);
    this.#greeted.add(session);
    const hello = (await readJson(stream)) as Hello;
    const key = Array.isArray(hello.keys) ? secrets.common(hello.keys) : undefined;
    const nonce = randomBytes(18).toString("base64url");
    if (hello.protocol !== linkProtocol) return reply(stream, { protocol: linkProtocol });
    if (key === undefined) {
      log.warn("a node with another cluster secret tried to connect", { node: hello.node });
      return reply(stream, { error: "secret_mismatch" });
    }
    const welcome = { protocol: linkProtocol, node: self, nonce, key };
    this.#peers.set(session, { hello, welcome, isTrusted: false, channel: undefined });
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

  /** Passes the bytes of a link between two other nodes on. */
  async #relay(stream: ServerHttp2Stream, node: string): Promise<void> {
    let carrier: Duplex;
    try {
      carrier = await this.#options.relay(node);
    } catch {
      return refuse(stream, 404);
    }
    if (stream.destroyed) return void carrier.destroy();
    stream.respond({ ":status": 200 });
    // Either end closes the other.
    const end = (): void => {
      stream.destroy();
      carrier.destroy();
    };
    pipeline(stream, carrier).then(end, end);
    pipeline(carrier, stream).then(end, end);
  }

  /** Hands the stream to an HTTP/1.1 server that handles upgrades. */
  async #tunnel(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    sockets: Server,
    gateway: LinkGateway,
    /** True if it carries more than upgrades. */
    isPiped = false,
  ): Promise<void> {
    const revision = Number(headers[linkHeader.revision] ?? 0);
    const target = gateway.targetOf(String(headers[":path"] ?? "/"));
    // The WebSocket reports other URLs to its client.
    if (target !== undefined && !(await this.#options.accepts(target, revision))) {
      return refuse(stream, misdirected);
    }
    stream.respond({ ":status": 200 });
    const peer = headers[linkHeader.peer];
    const socket = isPiped
      ? pipedSocket(stream)
      : asSocket(stream, typeof peer === "string" ? peer : undefined);
    sockets.emit("connection", socket);
  }
}

/** A server that does not listen: streams of links are its connections. */
function socketServer(
  gateway: LinkGateway,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createHttpServer({ maxHeaderSize: serverLimits.maxHeaderBytes }, answer);
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
