/** WebSockets of clients, raw requests and inspectors. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  decodeEarlyEvents,
  decodeParams,
  eventsPrefix,
  paramsPrefix,
  type ResumePoint,
  resumePrefix,
} from "@holdfast/client";
import { HoldfastError, toWireError } from "@holdfast/core";
import { type Server, WebSocketServer } from "ws";
import { serverLimits } from "../../limits.ts";
import { Session } from "../../sessions/session.ts";
import { accessInfo, onAccessChange, withoutSignal } from "../access-info.ts";
import { authenticate } from "../auth.ts";
import type { Gateway } from "../gateway.ts";
import { visibleError } from "../http/exchange.ts";
import { resumePointOf } from "../resume-point.ts";
import { routeNotFound } from "../route.ts";
import { type ConnectionSocket, PeerSocket, type SocketWire } from "./connection-socket.ts";
import { protocolsOf, selectProtocol, tokenOf, unsupportedProtocol } from "./offered.ts";

/** The WebSockets of one listening server, of one kind of client. */
export class Sockets {
  readonly #gateway: Gateway;
  readonly #wire: SocketWire;
  readonly #server: Server<typeof PeerSocket>;
  /** The open sockets, each with what stops waiting for a change of its access. */
  readonly #open = new Map<ConnectionSocket, () => void>();
  #closed = false;

  constructor(gateway: Gateway, wire: SocketWire) {
    this.#gateway = gateway;
    this.#wire = wire;
    const { subprotocol } = wire;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      WebSocket: PeerSocket,
      // Messages over the limit are refused with a reason; over this, the protocol alone refuses them.
      maxPayload: gateway.maxIncomingBytes * 2,
      handleProtocols: (protocols) => selectProtocol(protocols, subprotocol),
    });
  }

  /** Accepts an upgrade. A refusal is a close with a reason, because browsers see nothing else. */
  accept(request: IncomingMessage, duplex: Duplex, head: Buffer, url = request.url ?? "/"): void {
    this.#upgrade(request, duplex, head, (socket) => this.#admit(request, socket, url));
  }

  /** Accepts an upgrade and closes it with the reason of a refusal. */
  refuse(request: IncomingMessage, duplex: Duplex, head: Buffer, error: unknown): void {
    this.#upgrade(request, duplex, head, () => {
      throw error;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const { tasks } = this.#gateway.directory.ports;
    await Promise.all([...this.#open.keys()].map((socket) => socket.shutDown(tasks)));
  }

  #upgrade(
    request: IncomingMessage,
    carrier: Duplex,
    head: Buffer,
    admit: (socket: ConnectionSocket) => void,
  ): void {
    this.#server.handleUpgrade(request, carrier, head, (webSocket) => {
      const onEnd = (): void => {
        this.#open.get(socket)?.();
        this.#open.delete(socket);
      };
      const socket = this.#wire.open({ webSocket, carrier, request, onEnd });
      this.#open.set(socket, () => {});
      try {
        if (this.#closed) throw new HoldfastError("gateway", "shutting_down", "The server is shutting down");
        admit(socket);
      } catch (error) {
        this.#refuse(socket, error);
      }
    });
  }

  #admit(request: IncomingMessage, socket: ConnectionSocket, url: string): void {
    const gateway = this.#gateway;
    gateway.guard.check(request.headers.host, request.headers.origin);
    if (!url.startsWith("/actors/")) throw routeNotFound();
    const route = gateway.routeOf(url);
    if (route.kind !== "connect") throw routeNotFound();
    const offered = protocolsOf(request);
    const { subprotocol } = this.#wire;
    if (!offered.includes(subprotocol)) throw unsupportedProtocol(offered, subprotocol);
    this.#wire.check?.(request);
    const encoded = offered.find((protocol) => protocol.startsWith(paramsPrefix))?.slice(paramsPrefix.length);
    const params = encoded === undefined ? undefined : decodeParams(socket.encoding, encoded);
    const asked = offered.find((protocol) => protocol.startsWith(eventsPrefix));
    const events = asked === undefined ? [] : decodeEarlyEvents(asked.slice(eventsPrefix.length));
    const { target } = route;
    gateway.admitTo(target, tokenOf(request));
    const info = {
      method: "GET",
      header: (name: string): string | undefined => {
        const value = request.headers[name];
        return Array.isArray(value) ? value.join(", ") : value;
      },
    };
    const { access, slowReaders } = gateway.options;
    const { directory } = gateway;
    const { namespaces } = directory;
    const connectRequest = requestOf(request, url);
    const open = (auth: unknown): void => {
      const session = new Session({
        directory,
        target,
        params,
        auth,
        request: connectRequest,
        output: socket,
        maxOutgoingBytes: gateway.maxOutgoingBytes,
        resume: resumePoint(offered),
        events,
        allowCall:
          access && ((kind, name) => withoutSignal(access(accessInfo(namespaces, kind, info, target, name)))),
      });
      socket.attach(session, gateway.maxIncomingBytes, slowReaders === "drop-events");
      const options = directory.optionsOf(target.name);
      socket.watch(
        directory.ports.tasks,
        options?.connectionLivenessInterval ?? serverLimits.heartbeatMs,
        options?.connectionLivenessTimeout ?? serverLimits.heartbeatMs,
      );
    };
    const refuse = (error: unknown): void => this.#refuse(socket, error);
    const next = (until?: AbortSignal): void => {
      if (this.#open.has(socket)) {
        const close = (code: number, reason: string): void => socket.close(code, reason);
        this.#open.set(socket, onAccessChange(until, close));
      }
      const asked = { intents: ["connect"], target, params, request: () => connectRequest } as const;
      authenticate(gateway, asked, open, refuse);
    };
    gateway.admit(accessInfo(namespaces, "connect", info, target), next, refuse);
  }

  #refuse(socket: ConnectionSocket, error: unknown): void {
    const visible = visibleError(error, this.#gateway.directory.ports);
    socket.error(undefined, toWireError(visible));
    socket.close(visible.code === "shutting_down" ? 1012 : 1008, `${visible.group}.${visible.code}`);
  }
}

/** The connection that the client wants to resume, if any. */
function resumePoint(offered: readonly string[]): ResumePoint | undefined {
  const text = offered.find((protocol) => protocol.startsWith(resumePrefix))?.slice(resumePrefix.length);
  return text === undefined ? undefined : resumePointOf(text);
}

/** `c.request` of the hooks of an actor. */
function requestOf(request: IncomingMessage, url: string): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return new Request(new URL(url, `http://${request.headers.host ?? "localhost"}`), {
    headers,
  });
}
