import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  closeReason,
  decodeParams,
  encodingPrefix,
  header,
  isRetryable,
  paramsPrefix,
  subprotocol,
  tokenPrefix,
} from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { type RawData, type Server, WebSocketServer } from "ws";
import { serverLimits } from "../../limits.ts";
import { RawSession, socketPrefix } from "../../sessions/raw-session.ts";
import { accessInfo } from "../access-info.ts";
import { authenticate } from "../auth.ts";
import type { Gateway } from "../gateway.ts";
import { urlOf, visibleError } from "../http/exchange.ts";
import { headersOf } from "../http/node-exchange.ts";
import { type RawRoute, routeNotFound } from "../route.ts";
import { ClientSocket } from "./client-socket.ts";
import { protocolsOf } from "./offered.ts";

/** The raw WebSockets of one listening server, whose messages belong to user code. */
export class RawSockets {
  readonly #gateway: Gateway;
  readonly #server: Server<typeof ClientSocket>;
  readonly #open = new Set<RawPeer>();
  readonly #beat: { cancel(): void };
  #closed = false;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#server = new WebSocketServer({
      WebSocket: ClientSocket,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: serverLimits.maxRawMessageBytes,
      handleProtocols: chooseProtocol,
    });
    this.#beat = this.#heartbeat();
  }

  /** Accepts an upgrade; `url` is its path without the mount path. */
  accept(request: IncomingMessage, duplex: Duplex, head: Buffer, url: string): void {
    this.#upgrade(request, duplex, head, (peer) => this.#admit(request, peer, url));
  }

  /** Accepts an upgrade and closes it with the reason of a refusal. */
  refuse(request: IncomingMessage, duplex: Duplex, head: Buffer, error: unknown): void {
    this.#upgrade(request, duplex, head, () => {
      throw error;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#beat.cancel();
    await Promise.all([...this.#open].map((peer) => peer.shutDown(this.#gateway)));
  }

  #upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer, admit: (peer: RawPeer) => void): void {
    this.#server.handleUpgrade(request, duplex, head, (webSocket) => {
      const peer = new RawPeer(webSocket, () => this.#open.delete(peer));
      this.#open.add(peer);
      try {
        if (this.#closed) throw new HoldfastError("gateway", "shutting_down", "The server is shutting down");
        admit(peer);
      } catch (error) {
        this.#refuse(peer, error, 1008);
      }
    });
  }

  #admit(request: IncomingMessage, peer: RawPeer, url: string): void {
    const gateway = this.#gateway;
    gateway.guard.check(request.headers.host, request.headers.origin);
    const route = gateway.routeOf(url);
    if (route.kind !== "websocket") throw routeNotFound();
    const headers = headersOf(request);
    const offered = protocolsOf(request);
    // Browsers cannot send headers with a WebSocket: the token is among the subprotocols.
    const token = offered.find((each) => each.startsWith(tokenPrefix))?.slice(tokenPrefix.length);
    if (token !== undefined && !headers.has(header.token)) {
      headers.set(header.token, Buffer.from(token, "base64url").toString("utf8"));
    }
    gateway.admitTo(route.target, headers.get(header.token) ?? undefined);
    const info = { method: "GET", header: (name: string) => headers.get(name) ?? undefined };
    gateway.admit(
      accessInfo(gateway.directory.namespaces, "websocket", info, route.target),
      () => void this.#start(request, peer, route, headers, offered),
      (error) => this.#refuse(peer, error, 1008),
    );
  }

  async #start(
    request: IncomingMessage,
    peer: RawPeer,
    route: RawRoute,
    headers: Headers,
    offered: readonly string[],
  ): Promise<void> {
    try {
      const encoded = offered.find((each) => each.startsWith(paramsPrefix))?.slice(paramsPrefix.length);
      const params =
        encoded === undefined
          ? undefined
          : decodeParams(offered.includes(`${encodingPrefix}json`) ? "json" : "cbor", encoded);
      const url = urlOf(request.headers.host, `${socketPrefix}${route.path}`);
      const gateway = this.#gateway;
      const { directory } = gateway;
      const { target } = route;
      const upgrade = new Request(url, { headers });
      const question = { intents: ["connect"], target, params, request: () => upgrade } as const;
      const auth = await new Promise((resolve, reject) => authenticate(gateway, question, resolve, reject));
      const session = new RawSession(directory, target, peer);
      peer.attach(session);
      await session.open({
        request: upgrade,
        params,
        auth,
        signal: peer.gone,
        protocol: shownProtocol(peer.protocol),
        transport: peer,
      });
    } catch (error) {
      this.#refuse(peer, error, 1011);
    }
  }

  #refuse(peer: RawPeer, error: unknown, code: number): void {
    const visible = visibleError(error, this.#gateway.directory.ports);
    const retry = isRetryable(visible);
    peer.close(retry ? 1012 : code, `${visible.group}.${visible.code}`);
  }

  #heartbeat(): { cancel(): void } {
    const { tasks } = this.#gateway.directory.ports;
    const beat = (): void => {
      for (const peer of this.#open) peer.beat();
      timer = tasks.after(serverLimits.heartbeatMs, beat);
    };
    let timer = tasks.after(serverLimits.heartbeatMs, beat);
    return { cancel: () => timer.cancel() };
  }
}

/** The first subprotocol of the user. A browser fails if it offered some and none is selected. */
function chooseProtocol(offered: Set<string>): string | false {
  for (const protocol of offered) if (!protocol.startsWith("holdfast.")) return protocol;
  return offered.has(subprotocol) ? subprotocol : false;
}

function shownProtocol(protocol: string): string {
  return protocol.startsWith("holdfast.") ? "" : protocol;
}

/** One raw WebSocket. Nothing is read from it before the actor has accepted it. */
class RawPeer {
  readonly #webSocket: ClientSocket;
  readonly #gone = new AbortController();
  #session: RawSession | undefined;
  #ended: { readonly code: number; readonly reason: string } | undefined;
  /** Code and reason with which this side has closed it. */
  #own: { readonly code: number | undefined; readonly reason: string } | undefined;
  #alive = true;
  #resolveEnded: (() => void) | undefined;

  constructor(webSocket: ClientSocket, onEnd: () => void) {
    this.#webSocket = webSocket;
    webSocket.pause();
    // A close event follows every error.
    webSocket.on("error", () => undefined);
    webSocket.on("pong", () => {
      this.#alive = true;
    });
    webSocket.on("message", (data, isBinary) => this.#message(data, isBinary));
    webSocket.onClientClose = (code, reason) => this.#end(code, reason);
    webSocket.on("close", (code, reason) => {
      onEnd();
      // Clients answer with the code alone; the reason is that of the side that closed first.
      const own = this.#own?.code === code && reason.length === 0 ? this.#own.reason : undefined;
      this.#end(code, own ?? reason.toString("utf8"));
    });
  }

  get protocol(): string {
    return this.#webSocket.protocol;
  }

  /** Aborts when the client disconnects. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get bufferedAmount(): number {
    return this.#webSocket.bufferedAmount;
  }

  attach(session: RawSession): void {
    this.#session = session;
    if (this.#ended !== undefined) session.closed(this.#ended.code, this.#ended.reason, false);
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    const webSocket = this.#webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return;
    webSocket.send(data);
    if (webSocket.bufferedAmount <= serverLimits.maxRawSendBufferBytes) return;
    webSocket.closeHere(1013, "conn.too_slow");
    webSocket.terminate();
  }

  close(code: number | undefined, reason: string): void {
    // A paused socket would not receive the answer to the close.
    this.#webSocket.resume();
    this.#own ??= { code, reason };
    this.#webSocket.closeHere(code, closeReason(reason));
  }

  beat(): void {
    if (this.#webSocket.isPaused) return;
    if (!this.#alive) {
      this.#webSocket.terminate();
      return;
    }
    this.#alive = false;
    this.#webSocket.ping();
  }

  shutDown(gateway: Gateway): Promise<void> {
    if (this.#ended !== undefined) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolveEnded = resolve;
    this.close(1001, "gateway.shutting_down");
    const timer = gateway.directory.ports.tasks.after(serverLimits.closeGraceMs, () => {
      this.#webSocket.terminate();
    });
    return promise.then(() => timer.cancel());
  }

  #message(data: RawData, isBinary: boolean): void {
    this.#alive = true;
    // With `nodebuffer`, the default of a server's socket, each message is one Buffer.
    const bytes = data as Buffer;
    this.#session?.received(isBinary ? bytes : bytes.toString("utf8"));
  }

  #end(code: number, reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = { code, reason };
    this.#gone.abort(new HoldfastError("conn", "closed", "The client has disconnected"));
    this.#session?.closed(code, reason, code !== 1006);
    this.#resolveEnded?.();
  }
}
